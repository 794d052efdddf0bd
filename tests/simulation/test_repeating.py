"""A schedule is all that a run depends on: it can be repeated, kept in a file, replayed and made smaller."""

from contextlib import nullcontext
from pathlib import Path
from random import Random

import pytest

from tests.simulation import replay
from tests.simulation.branches import Branches
from tests.simulation.bugs import BUGS, after
from tests.simulation.errors import SimulationError
from tests.simulation.explore import random_base, random_faults, single_faults
from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule, fault, read_schedule, write_schedule
from tests.simulation.shrink import problems, shrink
from tests.simulation.simulation import play
from tests.simulation.snapshot import Snapshot
from trainingjob.controller import passes

IDLE = (
    after("drain", "phase:Suspended", 0.0, "worker-0"),
    fault(900, "lost"),
    after("jump", "phase:Failed", 3.0, "", 1),
)


def some_schedules(count: int) -> list[Schedule]:
    memo, chance = Memo(), Random(7)
    with memo.installed():
        return [random_faults(play(random_base(chance), memo), chance) for _ in range(count)]


def test_schedule_played_again_gives_the_same_trace() -> None:
    schedules = some_schedules(15)
    memo = Memo()
    with memo.installed():
        first = [play(schedule, memo).trace for schedule in schedules]
        again = [play(schedule, memo).trace for schedule in reversed(schedules)]
    assert first == list(reversed(again))


def test_what_is_remembered_from_other_runs_changes_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # A coroutine that is killed never unsays whom it speaks of, and later tests would hear it.
    monkeypatch.setattr(passes, "speaking_of", nullcontext)
    for schedule in some_schedules(8):
        # Nothing stands between the controller and the functions that decide while no memo is installed.
        plain = play(schedule, Memo()).trace
        memo = Memo()
        with memo.installed():
            play(schedule.steady, memo)
            assert play(schedule, memo).trace == plain, schedule


@pytest.mark.parametrize(
    "base",
    [
        *(Schedule(name) for name in ("one-quota", "group-fails-together", "mpi", "two-jobs")),
        # The trunk loses operators of its own, in the middle of what they do.
        Schedule("one-fails-once", (after("crash", "runs:worker-0", 5.062, "", 30.0),)),
        Schedule("servers", (after("replace-job", "phase:Running", 3.0), after("gone", "", 2.0, "pods", 20.0))),
    ],
)
def test_schedule_that_branches_off_gives_the_same_run_as_from_the_beginning(base: Schedule) -> None:
    memo = Memo()
    with memo.installed():
        branches = Branches(base, memo)
        chance = Random(7)
        # Backwards, for the order in which branches are played says nothing of what they are.
        schedules = [*single_faults(branches.trunk)][::-7] + [random_faults(branches.trunk, chance) for _ in range(7)]
        runs = [branches.trunk, *(branches.play(schedule) for schedule in schedules)]
        branches.close()
        assert len(runs) > 10
        for run in runs:
            assert play(run.schedule, memo) == run


def test_snapshot_refuses_what_it_cannot_bring_back() -> None:
    with pytest.raises(SimulationError, match="a generator cannot be made again"):
        Snapshot([{"held": (number for number in range(3))}], ())


def test_other_faults_give_another_run() -> None:
    memo = Memo()
    with memo.installed():
        runs = {play(Schedule("one", (fault(2, kind),)), memo).digest for kind in ("lost", "500", "crash-before")}
    assert len(runs) == 3


def test_schedule_survives_its_file(tmp_path: Path) -> None:
    for number, schedule in enumerate(some_schedules(5)):
        write_schedule(tmp_path / f"{number}.json", schedule, seed=7)
        assert read_schedule(tmp_path / f"{number}.json") == schedule


def test_replay_shows_what_happens_and_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "schedule.json"
    write_schedule(file, Schedule("one-deadline", (fault(3, "lost"),)))
    monkeypatch.setattr("sys.argv", ["replay", str(file)])
    assert replay.main() == 0
    shown = capsys.readouterr().out
    assert "patch trainingjobs mnist 200 lost" in shown
    assert "FAILED" not in shown
    with BUGS["no-clean-up-at-deadline"].planted():
        assert replay.main() == 1
    assert "FAILED invariant 10" in capsys.readouterr().out


def test_failing_schedule_shrinks_to_what_it_fails_by() -> None:
    needed = BUGS["ghosts-after-410"].acts
    with BUGS["ghosts-after-410"].planted():
        memo = Memo()
        with memo.installed():
            found = shrink(Schedule("one", (*IDLE, *needed)), lambda schedule: bool(problems(schedule, memo)))
    assert found == Schedule("one", needed)
