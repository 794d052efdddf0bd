"""Say at the end where the artifact is: the report fits into what the kubelet keeps of a container's last words."""

from typing import Final

from trainingjob.contract.report import Report

_PROBLEM: Final = 512
"""Characters of `problem` that the contract allows."""


def fit(report: Report, most: int) -> str:
    """Return a report as JSON of at most so many bytes; metrics are dropped first, the last names before the others."""
    metrics = sorted(report.metrics, key=lambda metric: metric.name)
    low, high = 0, len(metrics)
    while low < high:
        middle = (low + high + 1) // 2
        if len(_render(report, metrics=tuple(metrics[:middle]))) <= most:
            low = middle
        else:
            high = middle - 1
    report = report.model_copy(update={"metrics": tuple(metrics[:low])})
    while (too_long := len(_render(report)) - most) > 0 and report.problem:
        kept = report.problem.rstrip("…").encode()[: -too_long - 3].decode(errors="ignore")
        report = report.model_copy(update={"problem": f"{kept}…" if kept else ""})
    return _render(report).decode()


def shorten(problem: str) -> str:
    """Return a sentence as `problem` may hold it."""
    return problem if len(problem) <= _PROBLEM else f"{problem[: _PROBLEM - 1]}…"


def _render(report: Report, **update: object) -> bytes:
    return report.model_copy(update=update).model_dump_json(exclude_defaults=True).encode()
