"""What is uploaded while a program still writes: what rests, and now and then what grows."""

import pytest

from trainingjob.sidecar.choosing import Chooser
from trainingjob.sidecar.scan import Found, Stamp
from trainingjob.sidecar.transfer import Sent

MIB = 2**20


def file(size: int, mtime: int = 0, inode: int = 1, path: str = "logs/a") -> dict[str, Found]:
    return {path: Found(path, path, Stamp(size, mtime, inode))}


def play(*scans: dict[str, Found], interval: float = 30) -> list[list[tuple[str, bool]]]:
    """Return for each scan what is chosen; what is chosen is in the store from then on."""
    chooser, sent, answers = Chooser(), dict[str, Sent](), []
    for turn, files in enumerate(scans):
        chosen = chooser.choose(files, sent, turn * interval)
        sent |= {choice.found.path: Sent(choice.found.stamp, b"", choice.growing) for choice in chosen}
        answers.append([(choice.found.path, choice.growing) for choice in chosen])
    return answers


RESTING, GROWING = [("logs/a", False)], [("logs/a", True)]


@pytest.mark.parametrize(
    ("scans", "chosen"),
    [
        pytest.param([file(5)], [[]], id="a new file waits"),
        pytest.param([file(5)] * 3, [[], RESTING, []], id="a file that rests is sent once"),
        pytest.param([file(5), file(5, 1), file(5, 2)], [[], [], []], id="a file that is rewritten waits"),
        pytest.param([file(5), file(6, 1, 2), file(7, 2, 3)], [[], [], []], id="a file that is replaced waits"),
        pytest.param([file(5), file(4, 1), file(5, 2)], [[], [], GROWING], id="a file that is cut grows anew"),
        pytest.param([file(5), file(6, 1), file(7, 2)], [[], GROWING, GROWING], id="a small log is sent each time"),
        pytest.param([file(5), file(6, 1), file(6, 1)], [[], GROWING, []], id="what a log had at its end is there"),
        pytest.param(
            [file(n * 4 * MIB, n) for n in range(1, 6)],
            [[], [], [], GROWING, GROWING],
            id="a large file is given the time to be finished",
        ),
        pytest.param(
            [file(5), file(5), file(5, 1), file(5, 1)], [[], RESTING, [], RESTING], id="a file that has changed is sent"
        ),
        pytest.param([file(5), file(5), {}, file(5)], [[], RESTING, [], []], id="a file that comes back is there"),
    ],
)
def test_choice_follows_from_what_the_scans_have_found(
    scans: list[dict[str, Found]], chosen: list[list[tuple[str, bool]]]
) -> None:
    assert play(*scans) == chosen


def test_growing_file_costs_no_more_than_two_mebibytes_each_second() -> None:
    size = 600 * MIB - 100
    answers = play(*(file(size + n, n) for n in range(60)))
    turns = [turn for turn, answer in enumerate(answers) if answer]
    assert turns == [3, 13, 23, 33, 43, 53]


def test_files_that_are_new_in_the_store_come_before_those_that_replace_others() -> None:
    names = ["logs/a", "logs/b", "logs/c"]

    def files(changed: int) -> dict[str, Found]:
        return {path: found for path in names for found in [Found(path, path, Stamp(1, changed, 1))]}

    chooser = Chooser()
    sent = {"logs/a": Sent(Stamp(1, 0, 1), b"", growing=False)}
    chooser.choose(files(7), sent, 0)
    assert [choice.found.path for choice in chooser.choose(files(7), sent, 30)] == ["logs/b", "logs/c", "logs/a"]
