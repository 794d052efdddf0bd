"""The queue of keys."""

import asyncio

import pytest

from trainingjob.controller.queue import KeyedQueue, QueueClosedError


async def test_key_added_twice_is_given_out_once() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert [await queue.take(), await queue.take()] == ["a", "b"]
    assert queue.depth == 0


async def test_key_added_while_it_is_worked_on_is_given_to_no_second_worker() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add("a")
    await queue.take()
    queue.add("a")
    queue.add("b")
    assert await queue.take() == "b"
    assert queue.active == 2


async def test_key_added_while_it_is_worked_on_comes_again_once_afterwards() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add("a")
    await queue.take()
    queue.add("a")
    queue.add("a")
    queue.done("a")
    assert await queue.take() == "a"
    queue.done("a")
    assert (queue.depth, queue.active) == (0, 0)


async def test_of_two_times_the_earlier_one_counts() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add_after("a", 3600)
    queue.add_after("a", 0.001)
    queue.add_after("a", 3600)
    assert await asyncio.wait_for(queue.take(), 10) == "a"
    assert queue.waiting == 0


async def test_adding_a_key_replaces_its_time() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add_after("a", 3600)
    queue.add("a")
    assert queue.waiting == 0
    assert await queue.take() == "a"


async def test_backoff_doubles_to_its_most_and_starts_anew_after_success() -> None:
    queue: KeyedQueue[str] = KeyedQueue(first=100, most=500)
    assert [queue.retry("a") for _ in range(4)] == [100, 200, 400, 500]
    queue.forget("a")
    assert queue.retry("a") == 100


async def test_backoff_is_no_shorter_than_the_server_asks() -> None:
    queue: KeyedQueue[str] = KeyedQueue(first=1, most=60)
    assert queue.retry("a", at_least=90) == 90


async def test_failing_key_delays_no_other_key() -> None:
    queue: KeyedQueue[str] = KeyedQueue(first=3600, most=3600)
    queue.add("poisoned")
    await queue.take()
    queue.retry("poisoned")
    queue.done("poisoned")
    queue.add("sound")
    assert await asyncio.wait_for(queue.take(), 10) == "sound"


async def test_closed_queue_wakes_every_worker_and_gives_out_nothing() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    waiting = [asyncio.create_task(queue.take()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.close()
    queue.add("late")
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [QueueClosedError] * 3
    with pytest.raises(QueueClosedError):
        await queue.take()


async def test_pass_that_progresses_is_not_called_slow() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add("a")
    await queue.take()
    await asyncio.sleep(0.01)
    slow = queue.longest()
    queue.progressed("a")
    queue.progressed("unknown")
    assert queue.longest() < slow


async def test_longest_pass_is_known_while_it_runs() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    assert queue.longest() == 0
    queue.add("a")
    await queue.take()
    before = queue.longest()
    await asyncio.sleep(0.001)
    assert queue.longest() > before
    queue.done("a")
    assert queue.longest() == 0
