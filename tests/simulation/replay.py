"""Play a schedule from a file and show what happens: `python -m tests.simulation.replay FILE`."""

import sys
from pathlib import Path

from tests.simulation.explore import problems_of
from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule, read_schedule
from tests.simulation.simulation import Run, play


def tell(schedule: Schedule) -> tuple[list[str], bool]:
    """Return what happens in a schedule line by line, and whether it ends well."""
    memo = Memo()
    with memo.installed():
        run = play(schedule, memo)
        reference = play(schedule.steady, memo) if schedule.steady != schedule else None
    lines = [f"scope {schedule.scope}", *(f"  {incident}" for incident in schedule.incidents), *trace_lines(run)]
    problems = problems_of(run, reference)
    return [*lines, *(f"FAILED {problem}" for problem in problems)], not problems


def trace_lines(run: Run) -> list[str]:
    """Return the trace of a run as text."""
    return [f"{moment:10.3f}  {' '.join(str(word) for word in words if word != '')}" for moment, *words in run.trace]


def main() -> int:
    """Play the file that the command line names; 0 when it ends well."""
    lines, well = tell(read_schedule(Path(sys.argv[1])))
    print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
