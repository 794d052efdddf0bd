"""The election: one holder at a time, none after the time is over, the next at once after a release."""

import asyncio
import itertools

import pytest

from tests.unit.controller.fakes import FakeKube
from trainingjob.controller.kube import LEASES
from trainingjob.controller.kube_errors import TransientError
from trainingjob.controller.lease import Lease, LeaseLostError

SECONDS = 0.4
DEADLINE = 20.0


def claim(kube: FakeKube, identity: str, seconds: float = SECONDS) -> Lease:
    return Lease(kube, "ops", "trainingjob-operator", seconds, identity)


def holder(kube: FakeKube) -> str:
    stored = kube.stored(LEASES, "ops", "trainingjob-operator")
    assert stored is not None
    return str(stored["spec"]["holderIdentity"])


async def acquire(lease: Lease) -> None:
    await asyncio.wait_for(lease.acquire(), DEADLINE)


async def test_first_candidate_makes_the_lease_and_holds_it() -> None:
    kube = FakeKube()
    lease = claim(kube, "a")
    assert not lease.held
    await acquire(lease)
    assert lease.held
    assert holder(kube) == "a"


async def test_second_candidate_waits_while_the_first_renews() -> None:
    kube = FakeKube()
    first, second = claim(kube, "a"), claim(kube, "b")
    await acquire(first)
    keeping = asyncio.create_task(first.keep())
    waiting = asyncio.create_task(second.acquire())
    async with asyncio.timeout(DEADLINE):
        while len(kube.writes("update")) < 12:
            await asyncio.sleep(0.01)
    assert not waiting.done()
    assert not second.held
    for task in (keeping, waiting):
        task.cancel()
    await asyncio.gather(keeping, waiting, return_exceptions=True)


async def test_second_candidate_takes_over_when_the_first_is_gone() -> None:
    kube = FakeKube()
    first, second = claim(kube, "a"), claim(kube, "b")
    await acquire(first)
    await acquire(second)
    assert holder(kube) == "b"
    assert not first.held, "the first must have stopped before the second began"
    stored = kube.stored(LEASES, "ops", "trainingjob-operator")
    assert stored is not None
    assert stored["spec"]["leaseTransitions"] == 1


async def test_released_lease_is_taken_at_once() -> None:
    kube = FakeKube()
    first, second = claim(kube, "a", seconds=3600), claim(kube, "b", seconds=3600)
    await acquire(first)
    await first.release()
    assert not first.held
    await acquire(second)
    assert holder(kube) == "b"


async def test_restarted_process_of_the_same_identity_goes_on_at_once() -> None:
    kube = FakeKube()
    await acquire(claim(kube, "pod-1", seconds=3600))
    await acquire(claim(kube, "pod-1", seconds=3600))
    assert holder(kube) == "pod-1"


async def test_holder_that_cannot_renew_stops_before_the_time_is_over() -> None:
    kube = FakeKube()
    lease = claim(kube, "a")
    await acquire(lease)
    kube.before = lambda _verb, _name: TransientError("outage")
    with pytest.raises(LeaseLostError):
        await asyncio.wait_for(lease.keep(), DEADLINE)
    assert not lease.held


async def test_short_outage_is_survived() -> None:
    kube = FakeKube()
    lease = claim(kube, "a", seconds=2)
    await acquire(lease)
    faults = iter([TransientError("outage")])
    kube.before = lambda _verb, _name: next(faults, None)
    keeping = asyncio.create_task(lease.keep())
    async with asyncio.timeout(DEADLINE):
        while len(kube.writes("update")) < 3:
            await asyncio.sleep(0.01)
    assert not keeping.done()
    assert lease.held
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_holder_learns_that_another_has_taken_over() -> None:
    kube = FakeKube()
    lease = claim(kube, "a")
    await acquire(lease)
    stored = kube.stored(LEASES, "ops", "trainingjob-operator")
    assert stored is not None
    kube.put(LEASES, "ops", {**stored, "spec": {**stored["spec"], "holderIdentity": "b"}})
    with pytest.raises(LeaseLostError, match="b has taken"):
        await asyncio.wait_for(lease.keep(), DEADLINE)
    assert not lease.held


async def test_lease_that_somebody_deleted_is_made_again() -> None:
    kube = FakeKube()
    lease = claim(kube, "a", seconds=2)
    await acquire(lease)
    kube.objects.clear()
    keeping = asyncio.create_task(lease.keep())
    async with asyncio.timeout(DEADLINE):
        while not kube.objects:
            await asyncio.sleep(0.01)
    assert holder(kube) == "a"
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_time_counts_from_before_the_request_that_renewed() -> None:
    ticks = itertools.count(0.0, 10.0)
    lease = Lease(FakeKube(), "ops", "x", 14.0, "a", monotonic=lambda: next(ticks))
    await lease._try()
    # The request began at 0; at 10 two thirds of 14 s are over.
    assert not lease.held


async def test_two_candidates_at_once_elect_one() -> None:
    kube = FakeKube()
    leases = [claim(kube, name, seconds=3600) for name in "abcde"]
    waiting = [asyncio.create_task(lease.acquire()) for lease in leases]
    await asyncio.wait(waiting, timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
    assert sum(lease.held for lease in leases) == 1
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
