"""The cache: newer wins, whatever the order, and what is gone stays gone."""

from dataclasses import dataclass

from trainingjob.controller.cache import Graveyard, Key, ObjectCache


@dataclass(frozen=True)
class Thing:
    """Something with a name and a version."""

    name: str
    version: int
    uid: str = ""
    job: str = "mnist"
    namespace: str = "team"
    note: str = ""

    @property
    def resource_version(self) -> str:
        return str(self.version)


KEY = ("team", "mnist")


class Told(list[Key]):
    """The jobs that were told of."""

    def take(self) -> list[Key]:
        taken = list(self)
        self.clear()
        return taken


def make_cache() -> tuple[ObjectCache[Thing], Told]:
    told = Told()
    return ObjectCache(told.append, lambda thing: thing.job), told


def test_newer_version_replaces_older_one_and_tells() -> None:
    cache, told = make_cache()
    cache.observe(Thing("a", 1, "u"))
    cache.observe(Thing("a", 2, "u", note="new"))
    assert [t.note for t in cache.of(KEY)] == ["new"]
    assert told == [KEY, KEY]


def test_late_version_changes_nothing_and_tells_nothing() -> None:
    cache, told = make_cache()
    cache.wrote(Thing("a", 5, "u", note="mine"))
    cache.observe(Thing("a", 4, "u"))
    cache.observe(Thing("a", 5, "u", note="echo"))
    assert [t.note for t in cache.of(KEY)] == ["mine"]
    assert told == []


def test_versions_are_compared_as_numbers() -> None:
    cache, _ = make_cache()
    cache.observe(Thing("a", 10, "u", note="ten"))
    cache.observe(Thing("a", 9, "u", note="nine"))
    assert cache.of(KEY)[0].note == "ten"


def test_object_missing_from_a_list_is_gone_and_tells() -> None:
    cache, told = make_cache()
    cache.observe(Thing("a", 1, "u"))
    cache.observe(Thing("b", 2, "v"))
    told.take()
    cache.replace("", [Thing("b", 2, "v")], 7)
    assert [t.name for t in cache.of(KEY)] == ["b"]
    assert told == [KEY]


def test_own_write_survives_a_list_that_is_older() -> None:
    cache, _ = make_cache()
    cache.wrote(Thing("a", 8, "u"))
    cache.replace("", [], 7)
    assert cache.get("team", "a") is not None
    cache.replace("", [], 8)
    assert cache.get("team", "a") is None


def test_list_of_one_namespace_says_nothing_of_another() -> None:
    cache, _ = make_cache()
    cache.observe(Thing("a", 1, "u", namespace="other"))
    cache.replace("team", [], 9)
    assert cache.get("other", "a") is not None


def test_late_news_of_a_removed_object_does_not_bring_it_back() -> None:
    cache, told = make_cache()
    cache.observe(Thing("a", 1, "u"))
    cache.remove(Thing("a", 5, "u"))
    told.take()
    cache.wrote(Thing("a", 3, "u"))
    cache.observe(Thing("a", 4, "u"))
    assert len(cache) == 0
    assert told == []


def test_end_heard_before_the_write_returns_is_not_undone_by_it() -> None:
    cache, _ = make_cache()
    cache.remove(Thing("a", 5, "u"))
    cache.wrote(Thing("a", 2, "u"))
    assert len(cache) == 0


def test_end_of_an_earlier_object_leaves_its_namesake_alone() -> None:
    cache, _ = make_cache()
    cache.observe(Thing("a", 6, "new"))
    cache.remove(Thing("a", 5, "old"))
    assert cache.of(KEY)[0].uid == "new"


def test_object_that_gets_its_label_back_comes_back() -> None:
    cache, _ = make_cache()
    cache.observe(Thing("a", 1, "u"))
    cache.remove(Thing("a", 2, "u"))
    cache.observe(Thing("a", 3, "u"))
    assert len(cache) == 1


def test_object_whose_label_changes_moves_and_both_jobs_are_told() -> None:
    cache, told = make_cache()
    cache.observe(Thing("a", 1, "u"))
    told.take()
    cache.observe(Thing("a", 2, "u", job="other"))
    assert cache.of(KEY) == ()
    assert [t.name for t in cache.of(("team", "other"))] == ["a"]
    assert set(told) == {KEY, ("team", "other")}


def test_amendment_stays_until_the_next_version() -> None:
    cache, _ = make_cache()
    cache.observe(Thing("a", 1, "u"))
    cache.amend(Thing("a", 1, "u", note="deleting"))
    assert cache.of(KEY)[0].note == "deleting"
    cache.observe(Thing("a", 2, "u", note="seen"))
    assert cache.of(KEY)[0].note == "seen"


def test_amendment_of_a_namesake_is_ignored() -> None:
    cache, _ = make_cache()
    cache.observe(Thing("a", 1, "u"))
    cache.amend(Thing("a", 1, "other", note="deleting"))
    assert cache.of(KEY)[0].note == ""


def test_reset_forgets_objects_and_ends() -> None:
    cache, told = make_cache()
    cache.observe(Thing("a", 50, "u"))
    cache.remove(Thing("b", 60, "v"))
    told.take()
    cache.reset("")
    assert told == [KEY]
    cache.observe(Thing("b", 3, "v"))
    assert [t.name for t in cache.of(KEY)] == ["b"]
    assert cache.newest == 3


def test_graveyard_forgets_the_oldest_end_first() -> None:
    graves = Graveyard(kept=2)
    for number, uid in enumerate(["a", "b", "a", "c"]):
        graves.add(uid, number)
    assert graves.holds("a", 2)
    assert graves.holds("c", 3)
    assert not graves.holds("b", 1)
