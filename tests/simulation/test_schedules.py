"""The real operator in a simulated cluster: whatever happens in whatever order, every promise is kept."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.reports import REPORTS, commit_of_tree
from tests.simulation.explore import Findings, explore_base, explore_random, no_faults, steady_schedules
from tests.simulation.memo import Memo
from tests.simulation.record import distinct, explore_on_all_cores, failures, write_record
from tests.simulation.schedule import Incident, Schedule, write_schedule
from tests.simulation.scopes import SCOPES
from tests.simulation.shrink import problems, shrink

SEED = "TRAININGJOB_SIMULATION_SEED"
FIXED_BASES = 40
FRESH_BASES = 60
RECORDED = 100_000
ONCE_WRONG = [
    # The old pod is seen again in the middle of the pass that would replace it: another has to follow.
    (
        Incident("hide-pod", "phase:Restarting", 0.0, "worker-0", 10.0),
        Incident("fault", "write", 5, "slow", 0.06),
    ),
]
RECORD = REPORTS / "simulation.md"


def check(failed: list[tuple[Schedule, tuple[str, ...]]], folder: Path, seed: int | None = None) -> None:
    """Fail with the smallest form of the first failure, and say how to see it again."""
    if not failed:
        return
    memo = Memo()
    with memo.installed():
        small = shrink(failed[0][0], lambda schedule: bool(problems(schedule, memo)))
        wrong = problems(small, memo) or failed[0][1]
    file = folder / "schedule.json"
    write_schedule(file, small, problems=list(wrong))
    again = f"{SEED}={seed} $(scripts/venv)/bin/pytest tests/simulation -k fresh"
    seeded = "" if seed is None else f"The seed was {seed}; once more: {again}\n"
    pytest.fail(
        f"{len(failed)} schedules failed; the first one, made small:\n{small.scope}: "
        f"{', '.join(map(str, small.incidents)) or 'nothing happens'}\n{wrong}\n"
        f"{seeded}Replay it: PYTHONPATH=operator $(scripts/venv)/bin/python -m tests.simulation.replay {file}",
        pytrace=False,
    )


@pytest.mark.parametrize("name", SCOPES)
def test_each_fault_at_each_write_of_an_undisturbed_job_changes_no_outcome(name: str, tmp_path: Path) -> None:
    memo, findings = Memo(), Findings()
    with memo.installed():
        explore_base(Schedule(name), memo, findings)
    check(findings.failures, tmp_path)


@pytest.mark.parametrize("name", ["one", "one-fails-once", "servers", "group"])
def test_each_incident_at_each_moment_breaks_no_promise(name: str, tmp_path: Path) -> None:
    memo, findings = Memo(), Findings()
    with memo.installed():
        for schedule in steady_schedules(SCOPES[name]):
            explore_base(schedule, memo, findings, no_faults)
    check(findings.failures, tmp_path)


@pytest.mark.parametrize("incidents", ONCE_WRONG)
def test_what_once_went_wrong_breaks_no_promise(incidents: tuple[Incident, ...]) -> None:
    memo = Memo()
    with memo.installed():
        assert problems(Schedule("one-fails-for-ever", incidents), memo) == ()


def test_fixed_random_schedules_break_no_promise(tmp_path: Path) -> None:
    memo = Memo()
    with memo.installed():
        check(explore_random(1, FIXED_BASES, memo).failures, tmp_path, 1)


def test_fresh_random_schedules_break_no_promise(tmp_path: Path, say: Callable[[str], None]) -> None:
    seed = int(os.environ.get(SEED) or int.from_bytes(os.urandom(4), "big"))
    memo = Memo()
    with memo.installed():
        found = explore_random(seed, FRESH_BASES, memo)
    say(f"{found.played} schedules of seed {seed}, {len(found.digests)} of them unlike every other")
    check(found.failures, tmp_path, seed)


@pytest.mark.long
def test_hundred_thousand_schedules_break_no_promise(tmp_path: Path, say: Callable[[str], None]) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    shares = explore_on_all_cores(seed, RECORDED)
    write_record(RECORD, shares, seed, commit_of_tree())
    say(f"{distinct(shares)} schedules that are unlike every other; see {RECORD}")
    check(failures(shares), tmp_path)
    assert distinct(shares) >= RECORDED
