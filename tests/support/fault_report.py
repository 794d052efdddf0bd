"""The table of a run with random faults, for people who cannot run it themselves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.cluster_faults import Faults
from tests.support.fault_jobs import FaultJob


def write_report(
    path: Path,
    begun: datetime,
    kubernetes: str,
    faults: Faults,
    statuses: Mapping[str, Mapping[str, Any]],
    left: Sequence[str],
) -> None:
    """Write what was done to the jobs and how they have ended.

    Args:
        statuses: the jobs' last statuses by name.
        left: what was left over when the jobs were deleted.
    """
    minutes = (datetime.now(UTC) - begun).total_seconds() / 60
    lines = [
        "# Random faults on two real nodes",
        "",
        f"{begun:%Y-%m-%d}, Kubernetes {kubernetes}, seed {faults.seed}: {len(faults.jobs)} jobs,"
        f" {faults.done.total()} faults, {minutes:.0f} minutes until the last job had ended.",
        "`pytest tests/kubelet/test_faults.py` writes this page; `TRAININGJOB_FAULT_SEED` repeats the choices.",
        "",
        "| fault | times |",
        "|---|---|",
        *(f"| {kind.replace('_', ' ')} | {times} |" for kind, times in sorted(faults.done.items())),
        "",
        "| kind of job | jobs | succeeded | failed | cancelled | as expected | restarts | disruptions |",
        "|---|---|---|---|---|---|---|---|",
        *_rows(list(faults.jobs.values()), statuses),
        "",
        f"Left over after the jobs were deleted: {', '.join(left) or 'nothing'}.",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _rows(jobs: Sequence[FaultJob], statuses: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = []
    for kind in sorted({job.kind for job in jobs}):
        mine = [job for job in jobs if job.kind == kind]
        ends = [statuses[job.name]["phase"] for job in mine]
        right = sum(statuses[job.name]["phase"] in job.expected for job in mine)
        numbers = [len(mine), *(ends.count(end) for end in ("Succeeded", "Failed", "Cancelled")), right]
        numbers += [sum(statuses[job.name][counter] for job in mine) for counter in ("restarts", "disruptions")]
        rows.append(f"| {kind} | {' | '.join(map(str, numbers))} |")
    return rows
