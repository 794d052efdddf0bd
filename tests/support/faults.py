"""What goes wrong between an operator and its API server, by a plan that a seed repeats."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_HASTY = (409, 429, 429, 500, 503, 403)
"""What the API server answers to writes while it is in trouble."""
_HASTY_READS = (429, 500, 503)
"""The same for reads: kopf takes a refused list for an operator without rights."""


@dataclass(frozen=True)
class Fault:
    """What happens to one request."""

    status: int = 0
    """The error that is answered instead of passing the request on; 0 for none."""
    retry_after: int = 0
    """The seconds that the error asks to wait."""
    lost: bool = False
    """Whether the connection breaks when the request was carried out, before its answer."""
    hangs: bool = False
    """Whether no answer comes while the connection stays."""
    late: float = 0.0
    """By how many seconds the answer is late."""
    share: float = 1.0
    """How much of the answer arrives, with headers that say that this is all."""


@dataclass(frozen=True)
class StreamFault:
    """What happens to one watch from one of its events on."""

    kind: str
    """late, gap, dead, torn or cut; see `proxied_watch`."""
    after: int
    """How many events pass before."""
    seconds: float = 0.0


Fate = Callable[[random.Random, bool], Fault]
"""Takes a source of chance and whether the request writes."""


def _error(chance: random.Random, writes: bool) -> Fault:
    status = chance.choice(_HASTY if writes else _HASTY_READS)
    return Fault(status=status, retry_after=chance.randint(1, 2) if status == 429 else 0)


FATES: dict[str, Fate] = {
    "lost": lambda _, __: Fault(lost=True),
    "error": _error,
    "late": lambda chance, _: Fault(late=chance.uniform(0.1, 1.0)),
    "torn": lambda chance, _: Fault(share=chance.uniform(0.0, 0.95)),
    "hangs": lambda _, writes: Fault(hangs=writes),
}
STREAM_SECONDS = {"late": (0.2, 3.0), "gap": (0.5, 4.0)}
"""How long such a fault takes; the others have no time of their own."""


@dataclass(frozen=True)
class Mix:
    """How likely what is."""

    requests: Mapping[str, float] = field(default_factory=dict)
    """The share of requests by their fate."""
    streams: Mapping[str, float] = field(default_factory=dict)
    """The share of watches by the kind of their fault."""
    first_events: int = 6
    """Before which event of a watch its fault begins at the latest."""
    most: int = 60
    """After so many faults all goes well: waits that double with each failure would outlast a test."""


MIXES: dict[str, Mix] = {
    "lost answers": Mix({"lost": 0.25}),
    "error answers": Mix({"error": 0.2}, most=40),
    "torn answers": Mix({"torn": 0.2}, {"torn": 0.5, "cut": 0.5}),
    "slow server": Mix({"late": 1.0}, most=1000),
    "forgetful watches": Mix({}, {"late": 0.3, "gap": 0.7}, first_events=4),
    "dead streams": Mix({"hangs": 0.03}, {"dead": 0.8}, most=25),
    "everything": Mix(
        {"lost": 0.06, "error": 0.08, "late": 0.2, "torn": 0.04, "hangs": 0.005},
        {"late": 0.2, "gap": 0.3, "dead": 0.15, "torn": 0.1, "cut": 0.1},
    ),
}


class Faults:
    """A plan: the nth request of a kind meets the same fate whenever the seed is the same."""

    def __init__(self, mix: Mix, seed: int) -> None:
        self._mix = mix
        self._seed = seed
        self._met: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        """How often which fault was taken from the plan."""

    def of_request(self, method: str, path: str) -> Fault | None:
        """Return what happens to the next request of this kind; `path` has no namespace."""
        chance = self._chance(f"{method} {path}")
        kind = self._drawn(chance, self._mix.requests)
        if not kind:
            return None
        self.struck[kind] += 1
        return FATES[kind](chance, method != "GET")

    def of_watch(self, resource: str) -> StreamFault | None:
        """Return what happens to the next watch of a resource."""
        chance = self._chance(f"watch {resource}")
        kind = self._drawn(chance, self._mix.streams)
        if not kind:
            return None
        self.struck[f"{kind} watch"] += 1
        seconds = chance.uniform(*STREAM_SECONDS.get(kind, (0.0, 0.0)))
        return StreamFault(kind, chance.randrange(self._mix.first_events), seconds)

    def _drawn(self, chance: random.Random, shares: Mapping[str, float]) -> str:
        place = chance.random()
        if self.struck.total() >= self._mix.most:
            return ""
        for kind, share in shares.items():
            if place < share:
                return kind
            place -= share
        return ""

    def _chance(self, what: str) -> random.Random:
        self._met[what] += 1
        return random.Random(f"{self._seed} {what} {self._met[what]}")
