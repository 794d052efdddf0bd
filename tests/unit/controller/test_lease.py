"""The election: one holder at a time, none after the time is over, the next at once after a release."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def keeping(lease: Lease) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(lease.keep())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


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
    async with keeping(first):
        waiting = asyncio.create_task(second.acquire())
        await until(lambda: len(kube.writes("update")) >= 12)
        assert not waiting.done()
        assert not second.held
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


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


async def test_holder_that_cannot_renew_may_not_write_until_it_can_again() -> None:
    kube = FakeKube()
    lease = claim(kube, "a")
    await acquire(lease)
    kube.before = lambda _verb, _name: TransientError("outage")
    async with keeping(lease) as task:
        await until(lambda: not lease.held)
        kube.before = lambda _verb, _name: None
        await until(lambda: lease.held)
        assert not task.done()


async def test_holder_that_could_not_renew_learns_that_another_acts() -> None:
    kube = FakeKube()
    lease = claim(kube, "a")
    await acquire(lease)
    kube.before = lambda _verb, _name: TransientError("outage")
    async with keeping(lease) as task:
        await until(lambda: not lease.held)
        kube.before = lambda _verb, _name: None
        stored = kube.stored(LEASES, "ops", "trainingjob-operator")
        assert stored is not None
        kube.put(LEASES, "ops", {**stored, "spec": {**stored["spec"], "holderIdentity": ""}})
        with pytest.raises(LeaseLostError, match="its holder is nobody"):
            await asyncio.wait_for(task, DEADLINE)
    assert not lease.held


async def test_holder_whose_renewal_was_stored_although_its_answer_was_lost_goes_on() -> None:
    kube = FakeKube()
    lease = claim(kube, "a", seconds=2)
    await acquire(lease)
    lost = iter([TransientError("reset")])
    kube.after = lambda verb, _: next(lost, None) if verb == "update" else None
    async with keeping(lease) as task:
        await until(lambda: len(kube.writes("update")) >= 3)
        assert lease.held
        assert not task.done()


async def test_holder_learns_that_another_has_taken_over() -> None:
    kube = FakeKube()
    lease = claim(kube, "a")
    await acquire(lease)
    stored = kube.stored(LEASES, "ops", "trainingjob-operator")
    assert stored is not None
    kube.put(LEASES, "ops", {**stored, "spec": {**stored["spec"], "holderIdentity": "b"}})
    with pytest.raises(LeaseLostError, match="its holder is b"):
        await asyncio.wait_for(lease.keep(), DEADLINE)
    assert not lease.held


async def test_lease_that_somebody_deleted_is_made_again() -> None:
    kube = FakeKube()
    lease = claim(kube, "a", seconds=2)
    await acquire(lease)
    kube.objects.clear()
    async with keeping(lease):
        await until(lambda: bool(kube.objects))
        assert holder(kube) == "a"


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
