"""One pass over one job: look, act, look again, write the status, tell of it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trainingjob.api.job import TrainingJob, read_job
from trainingjob.api.status import Phase, TrainingJobStatus
from trainingjob.controller.cache import Key, ObjectCache
from trainingjob.controller.executor import Executor, Outcome
from trainingjob.controller.kube import JOBS, KubeClient
from trainingjob.controller.kube_errors import ConflictError, NotFoundError, TransientError
from trainingjob.controller.queue import KeyedQueue
from trainingjob.controller.status import status_patch
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import (
    Children,
    Create,
    Decision,
    Event,
    ObservedPod,
    ObservedService,
    Refusal,
    events,
    reconcile,
)
from trainingjob.reconcile.pending import ORDINARY

FIRST_STATUS_SECONDS: Final = (1.0, 10.0)
"""How long the first word on a job waits when all it says is that the pods were created, for the next may follow soon:
at least, and at most while other jobs wait for their pods."""
HIDDEN_POD_SECONDS: Final = 15.0
"""When to look again at a job of which a pod exists that the cache misses: somebody took its label away."""

_NOTHING_DONE: Final = Outcome()
"""What a pass without actions has come to; nobody adds to it."""

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def loop_time() -> float:
    """Return the seconds on the running event loop's clock."""
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Memory:
    """What this process remembers of a job beyond what is stored; losing it costs a request, never a decision."""

    uid: str
    met: float
    """When this process first looked at the job, on the loop's clock."""
    refusals: dict[tuple[str, str], Refusal] = field(default_factory=dict)
    written: float = float("-inf")
    """When this process last wrote the status, on the loop's clock."""
    unsure: bool = False
    """Whether nobody knows what became of the last write of the status: the cache may know less than is stored."""
    pods_created: bool = False
    pod_groups_gone: set[str] = field(default_factory=set)
    """Names of PodGroups that need not be deleted any more."""


@dataclass(frozen=True, slots=True)
class World:
    """What all passes share."""

    client: KubeClient
    queue: KeyedQueue[Key]
    jobs: ObjectCache[TrainingJob]
    pods: ObjectCache[ObservedPod]
    services: ObjectCache[ObservedService]
    executor: Executor
    options: PlanOptions
    status_interval: float
    """Seconds between two writes of counts alone."""
    first_status_seconds: tuple[float, float]
    """How long a first status waits that only says that the pods were created: at least, and while others wait."""
    record: Callable[[TrainingJob, Event], None]
    """Tells a line to `kubectl describe`."""
    all_created: Callable[[float], None]
    """Is told the seconds from a job's creation to that of its last pod."""
    started: Callable[[float], None]
    """Is told the seconds from a job's creation to its start."""
    clock: Callable[[], datetime] = utc_now
    """Tells the time of day, which is what stored times mean; it may jump."""
    ticks: Callable[[], float] = loop_time
    """Tells the queue's time in seconds, which never goes back."""


class Worker:
    """Looks at jobs; everything is decided from the caches and the time, never from what has happened."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._memories: dict[Key, Memory] = {}

    async def look(self, key: Key) -> None:
        """Make one pass over a job.

        Raises:
            TransientError: when the API server could not be asked; the pass has to be made again.
            KubeError: when the status was refused.
        """
        world = self._world
        job = world.jobs.get(*key)
        if job is None:
            self._memories.pop(key, None)
            world.queue.forget(key)
            return
        memory = self._memory(job)
        if memory.unsure:
            # What was made sure by that write, such as that every replica has run, must not be forgotten.
            await self._refresh(job)
            memory.unsure = False
            world.queue.add(key)
            return
        decision = first = self._decide(job, memory, _NOTHING_DONE)
        outcome = await self._act(job, decision) if decision.actions else _NOTHING_DONE
        if outcome.retired:
            return
        _remember_groups(memory, decision, outcome)
        if _update_refusals(memory, decision, outcome) or decision.actions:
            # The actions of the second look are left to the next pass.
            decision = self._decide(job, memory, outcome)
        self._measure_creation(job, memory, outcome)
        written = await self._write(job, memory, decision)
        if written is not None or outcome.created:
            for event in events(job, written or job.status, outcome.created):
                world.record(job, event)
        self._come_back(job, memory, decision, outcome)
        if decision is not first and any(action not in first.actions for action in decision.actions):
            # What made them necessary was seen in the middle of this pass: no event has to tell of it again.
            world.queue.add(key)

    async def _act(self, job: TrainingJob, decision: Decision) -> Outcome:
        outcome = await self._world.executor.run(job, decision.actions)
        if outcome.retired:
            # A job that a finalizer keeps comes in again, in a newer version that is being deleted.
            logger.info("The job is deleted, for its time to live is over.")
            self._world.jobs.remove(job)
        elif outcome.stale:
            await self._refresh(job)
            raise TransientError(f"The job has changed meanwhile: {outcome.trouble}", status=409)
        return outcome

    def _memory(self, job: TrainingJob) -> Memory:
        memory = self._memories.get(job.key)
        if memory is None or memory.uid != job.uid:
            memory = self._memories[job.key] = Memory(job.uid, self._world.ticks())
        return memory

    def _decide(self, job: TrainingJob, memory: Memory, outcome: Outcome) -> Decision:
        world, key = self._world, job.key
        pods = world.pods.of(key)
        if outcome.found:
            pods = tuple({pod.name: pod for pod in (*pods, *outcome.found)}.values())
        children = Children(
            pods=pods,
            services=world.services.of(key),
            refusals=tuple(memory.refusals.values()),
            confirmed_missing=frozenset(outcome.missing),
            pod_groups_gone=frozenset(memory.pod_groups_gone),
            tensorboard_gone=outcome.tensorboard_gone,
        )
        return reconcile(job, children, world.clock(), world.options)

    async def _write(self, job: TrainingJob, memory: Memory, decision: Decision) -> TrainingJobStatus | None:
        """Write the status if it says something new, and return it; counts alone may wait for more of them."""
        world, status = self._world, decision.status
        if status is None or status is job.status or status == job.status:
            return None
        now = world.ticks()
        if (pause := self._pause(job, memory, decision, now)) > 0:
            world.queue.add_after(job.key, pause)
            return None
        try:
            body = await world.client.patch(
                JOBS, job.namespace, job.name, status_patch(job, status), subresource="status"
            )
        except NotFoundError:
            logger.info("The job is gone.")
            world.jobs.remove(job)
            return None
        except ConflictError as error:
            await self._refresh(job)
            raise TransientError(f"The job has changed meanwhile: {error}", status=error.status) from error
        except TransientError:
            memory.unsure = True
            raise
        memory.written = now
        world.jobs.wrote(read_job(body))
        self._tell(job, status)
        return status

    def _pause(self, job: TrainingJob, memory: Memory, decision: Decision, now: float) -> float:
        """Return after how many seconds to look again before the decided status is written; 0 to write it now."""
        status = decision.status
        # Nothing of a TensorBoard is created before the status speaks of it.
        if job.status.phase is None and status and status.reason in ORDINARY and not status.tensorboard:
            least, most = self._world.first_status_seconds
            waited = now - memory.met
            others_wait = self._world.queue.depth > 0 and waited < most
            return least if others_wait else least - waited
        return 0.0 if decision.urgent else memory.written + self._world.status_interval - now

    async def _refresh(self, job: TrainingJob) -> None:
        try:
            self._world.jobs.wrote(read_job(await self._world.client.get(JOBS, job.namespace, job.name)))
        except NotFoundError:
            self._world.jobs.remove(job)

    def _tell(self, job: TrainingJob, status: TrainingJobStatus) -> None:
        if status.phase != job.status.phase or status.reason != job.status.reason:
            logger.info("%s (%s): %s", status.phase, status.reason, status.message)
        if status.start_time and not job.status.start_time:
            self._world.started((self._world.clock() - job.created).total_seconds())
        if _turns(job.status) != _turns(status):
            # What follows, such as the deletion of pods, is decided from the stored word, which stands only now.
            self._world.queue.add(job.key)

    def _measure_creation(self, job: TrainingJob, memory: Memory, outcome: Outcome) -> None:
        if memory.pods_created or not outcome.created:
            return
        first = not (job.status.attempt or job.status.start_time)
        created = first and any(create.kind == "Pod" for create in outcome.created)
        complete = not (outcome.refused or outcome.untried or outcome.trouble)
        if created and complete:
            memory.pods_created = True
            self._world.all_created((self._world.clock() - job.created).total_seconds())

    def _come_back(self, job: TrainingJob, memory: Memory, decision: Decision, outcome: Outcome) -> None:
        queue = self._world.queue
        if outcome.trouble is not None:
            raise outcome.trouble
        if memory.refusals:
            queue.retry(job.key)
        else:
            queue.forget(job.key)
            if outcome.untried or outcome.pod_groups_gone:
                queue.add(job.key)
        if outcome.found:
            queue.add_after(job.key, HIDDEN_POD_SECONDS)
        if decision.wake is not None:
            queue.add_after(job.key, (decision.wake - self._world.clock()).total_seconds())


def _turns(status: TrainingJobStatus) -> tuple[object, ...]:
    """Return what of a status more follows from: outcome, suspension, restarts, start, whether a TensorBoard is due."""
    suspended = status.phase is Phase.SUSPENDED
    halted = status.finished, suspended, status.ending is not None
    return halted, status.attempt or 0, status.restarting or {}, status.start_time, status.tensorboard is None


def _update_refusals(memory: Memory, decision: Decision, outcome: Outcome) -> bool:
    """Keep the refusals of what is still wanted and was not created now, add the new ones, and say if any changed."""
    before = memory.refusals
    if not (before or outcome.refused):
        return False
    wanted = {(create.kind, create.name) for create in decision.actions if isinstance(create, Create)}
    wanted -= {(create.kind, create.name) for create in outcome.created}
    memory.refusals = {name: refusal for name, refusal in before.items() if name in wanted}
    memory.refusals |= {(refusal.kind, refusal.name): refusal for refusal in outcome.refused}
    return memory.refusals != before


def _remember_groups(memory: Memory, decision: Decision, outcome: Outcome) -> None:
    """Keep in mind which PodGroups are gone; one whose creation was tried may exist, whatever the answer was."""
    if not (memory.pod_groups_gone or outcome.pod_groups_gone):
        return
    tried = {action.name for action in decision.actions if isinstance(action, Create) and action.kind == "PodGroup"}
    memory.pod_groups_gone = (memory.pod_groups_gone | outcome.pod_groups_gone) - tried
