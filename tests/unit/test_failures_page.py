"""The page that tells users what happens: each of its rows is played, and each scenario has its row."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from devtools.paths import REPOSITORY
from tests.support.builders import make_job
from tests.support.failure_rows import SCENARIOS
from tests.support.failure_scenarios import Scenario
from tests.support.playing import SERVERS
from tests.support.world import World
from trainingjob.api.base import field_names
from trainingjob.api.spec import Role, TrainingJobSpec

PAGE = REPOSITORY / "docs" / "failures.md"
COLUMNS = ["what happens", "class", "phase and reason", "what starts anew", "what is counted", "how to change it"]
NOTHING = "nothing"
POD_NAME = re.compile(rf"-({'|'.join(Role)})-\d+$")


def tables() -> Iterator[list[str]]:
    """Yield the cells of each line of the page's tables, the heads included."""
    for line in PAGE.read_text().splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


ROWS = {cells[0]: cells for cells in tables() if cells[0] != COLUMNS[0]}


@dataclass(frozen=True)
class Outcome:
    """What a user sees of what has happened, in the words of the page, and where it leads."""

    cells: list[str]
    end: tuple[object, ...]


def play(scenario: Scenario, *, changed: bool = False) -> Outcome:
    """Let a scenario happen, and what follows from it."""
    world = scenario.world(scenario.changed if changed else {})
    counted = counters(world)
    scenario.play(world)
    world.settle()
    world.wait(scenario.seconds)
    world.settle()
    spent = [now - then for now, then in zip(counters(world), counted, strict=True)]
    cells = [cause(world), phase(world)]
    run_on(world, scenario)
    cells += [started(world), spending(*spent)]
    return Outcome(cells, (world.phase, world.status.reason, counters(world), sorted(world.pods), world.retired))


def run_on(world: World, scenario: Scenario) -> None:
    """Let kubelets and the operator go on for some minutes; no kubelet answers on a node that was given up."""
    for _ in range(3):
        silent = {
            n: pod for n, pod in world.pods.items() if pod.deleting and pod.disruption == "DeletionByTaintManager"
        }
        world.stop_deleted()
        world.pods |= silent
        world.wait(120)
        world.settle()
        if not scenario.stuck:
            world.start()
            world.settle()


def counters(world: World) -> tuple[int, int]:
    """Return restarts and disruptions."""
    return world.status.restarts or 0, world.status.disruptions or 0


def cause(world: World) -> str:
    """Return the class of the failure that the status speaks of."""
    failures = world.status.failures or []
    named = [failure for failure in failures if failure.pod in (world.status.message or "")]
    return f"`{(named or failures)[-1].failure_class}`" if failures else "none"


def phase(world: World) -> str:
    """Return phase and reason; a job that nobody has looked at has neither."""
    return f"`{world.phase}`, `{world.status.reason}`" if world.status.phase else "none"


def started(world: World) -> str:
    """Return which of the pods were created more than once."""
    times = Counter(name for name in world.created if POD_NAME.search(name))
    again = sum(count > 1 for count in times.values())
    if again and again == len(times):
        return "everything"
    return {0: NOTHING, 1: "it alone", 2: "both alone"}[again]


def spending(restarts: int, disruptions: int) -> str:
    """Return what was taken from the budgets."""
    words = [
        f"{n} {what}{'s' if n > 1 else ''}" for n, what in ((restarts, "restart"), (disruptions, "disruption")) if n
    ]
    return ", ".join(words) or NOTHING


def test_rules_that_the_page_shows_are_accepted() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert make_job(**yaml.safe_load(example), **SERVERS).spec is not None


def test_every_table_has_the_same_columns() -> None:
    heads = [cells for cells in tables() if cells[0] == COLUMNS[0]]
    assert len(heads) > 1
    assert all(head == COLUMNS for head in heads)
    assert all(len(cells) == len(COLUMNS) for cells in ROWS.values())


def test_every_row_has_a_scenario_and_every_scenario_a_row() -> None:
    listed = [cells[0] for cells in tables() if cells[0] != COLUMNS[0]]
    assert sorted(listed) == sorted(SCENARIOS)


@pytest.mark.parametrize("row", ROWS)
def test_row_says_what_the_job_does(row: str) -> None:
    assert play(SCENARIOS[row]).cells == ROWS[row][1:5]


@pytest.mark.parametrize("row", [row for row, cells in ROWS.items() if "`" in cells[-1]])
def test_fields_that_a_row_names_change_what_the_job_does(row: str) -> None:
    scenario = SCENARIOS[row]
    named = {word.split(".")[0] for word in re.findall(r"`([^`]+)`", ROWS[row][-1])}
    assert named <= field_names(TrainingJobSpec).keys()
    assert scenario.changed.keys() & named
    changed, unchanged = play(scenario, changed=True), play(scenario)
    assert (changed.cells, changed.end) != (unchanged.cells, unchanged.end)


@pytest.mark.parametrize("row", [row for row, cells in ROWS.items() if "`" not in cells[-1]])
def test_row_that_names_no_field_has_none_that_would_change_it(row: str) -> None:
    assert not SCENARIOS[row].changed
