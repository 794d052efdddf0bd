"""The recorded run: a hundred thousand schedules on every core that there is, and the page that tells of it."""

import gc
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Final

from tests.simulation.explore import Findings, explore_base, random_base, some_faults, steady_schedules
from tests.simulation.memo import Memo
from tests.simulation.schedule import Schedule
from tests.simulation.scopes import SCOPES

RANDOM_EVERY: Final = 6
"""Of so many bases one is drawn by chance, with up to four incidents and up to four faults; the others are small."""
_SMALL: Final = tuple(
    name
    for name, scope in SCOPES.items()
    if (name.startswith("one") or name in ("servers", "group")) and scope.outcome != "Pending"
)
"""Scopes of one or two pods, which are enumerated; not one that waits for ever, whose every try is like the last."""


_MARGIN: Final = 1.15
"""Incidents that do not come to pass on one core look like others' that do not on another."""


@dataclass(frozen=True)
class Share:
    """What one core has done."""

    core: int
    findings: Findings
    wall_seconds: float
    cpu_seconds: float


def explore_share(seed: int, core: int, cores: int, enough: int) -> Share:
    """Play one core's share until enough are unlike every other: small ones enumerated, large ones drawn."""
    memo, findings = Memo(), Findings()
    small = [base for name in _SMALL for base in steady_schedules(SCOPES[name])]
    Random(seed).shuffle(small)
    small = small[core::cores]
    chance = Random(f"{seed} {core}")
    # What a run leaves behind is taken apart by hand, and looked for among what is new; looking for it in all that is
    # remembered costs half of the time.
    gc.disable()
    begun, cpu = time.perf_counter(), time.process_time()
    with memo.installed():
        for number, base in enumerate(small):
            explore_base(base, memo, findings)
            if number % RANDOM_EVERY == 0:
                explore_base(random_base(chance), memo, findings, some_faults(chance))
            gc.collect(0)
            if len(findings.digests) >= enough or findings.failures:
                break
    share = Share(core, findings, time.perf_counter() - begun, time.process_time() - cpu)
    gc.enable()
    return share


def explore_on_all_cores(seed: int, enough: int, cores: int | None = None) -> Sequence[Share]:
    """Play so many schedules in a process for each core; no two of them play the same bases."""
    count = cores or os.cpu_count() or 1
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        enough_each = int(enough * _MARGIN / count) + 1
        return list(pool.map(explore_share, [seed] * count, range(count), [count] * count, [enough_each] * count))


def distinct(shares: Sequence[Share]) -> int:
    """Return how many runs are unlike every other, whichever core has played them."""
    return len(set().union(*(share.findings.digests for share in shares)))


def failures(shares: Sequence[Share]) -> list[tuple[Schedule, tuple[str, ...]]]:
    """Return the schedules that failed."""
    return [failure for share in shares for failure in share.findings.failures]


def write_record(path: Path, shares: Sequence[Share], seed: int, commit: str) -> None:
    """Write the page that tells of a recorded run."""
    met: dict[str, int] = {}
    for share in shares:
        for kind, count in share.findings.faults.items():
            met[kind] = met.get(kind, 0) + count
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*_head(shares, seed, commit), *_table(met)]) + "\n")


def _head(shares: Sequence[Share], seed: int, commit: str) -> list[str]:
    rows = [
        f"| {share.core} | {share.findings.played:,} | {len(share.findings.digests):,} | {share.wall_seconds:.0f} | "
        f"{share.cpu_seconds:.0f} | {share.findings.played / share.cpu_seconds:,.0f} |"
        for share in shares
    ]
    return [
        f"# Simulated schedules at {commit}",
        "",
        "Each schedule is a run from an empty cluster to rest, with every promise checked after each step. What it has",
        "in common with the same schedule without faults, all up to its first, is carried out and checked once.",
        f"{sum(share.findings.played for share in shares):,} schedules were played, {distinct(shares):,} of them "
        f"unlike every other; {len(failures(shares))} failed. The seed was {seed}. "
        "Written by `./scripts/test long`; see [how the simulator works](../design/007-simulation.md).",
        "",
        "| core | schedules | distinct | wall seconds | CPU seconds | schedules per CPU second |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"One process for each core. The machine has {os.cpu_count()} cores and had a load average of "
        f"{os.getloadavg()[1]:.1f} over the last five minutes: what else runs on it costs CPU seconds here too.",
        "",
        "What happened, and in how many schedules:",
        "",
    ]


def _table(met: Mapping[str, int]) -> list[str]:
    return ["| fault or incident | schedules |", "|---|---|", *(f"| {kind} | {met[kind]:,} |" for kind in sorted(met))]
