"""What must not happen twice at the same time does not, also across processes."""

import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path

from devtools.locking import locked


def _hold(path: Path, held: Event, release: Event) -> None:
    with locked(path):
        held.set()
        release.wait(30)


def test_the_second_says_that_it_waits_and_goes_on_when_the_first_is_done(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    first = context.Process(target=_hold, args=(tmp_path / "lock", held, release))
    first.start()
    assert held.wait(30)
    with locked(tmp_path / "lock", release.set):
        assert release.is_set()
    first.join()


def test_nobody_waits_where_nobody_holds_it(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        with locked(tmp_path / "lock", lambda: told.append("waiting")):
            pass
    assert told == []


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    first = context.Process(target=_hold, args=(tmp_path / "lock", held, context.Event()))
    first.start()
    assert held.wait(30)
    first.kill()
    first.join()
    with locked(tmp_path / "lock"):
        pass


def test_a_folder_can_be_locked_without_a_file_in_it(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []
