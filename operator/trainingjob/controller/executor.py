"""Carry out what was decided: bounded in parallel, slow to start, and honest about what was refused."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol

from trainingjob.api.job import TrainingJob
from trainingjob.controller.cache import Key, ObjectCache
from trainingjob.controller.kube import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    SECRETS,
    SERVICES,
    KubeClient,
    Object,
    Resource,
)
from trainingjob.controller.kube_errors import (
    AlreadyExistsError,
    ConflictError,
    KubeError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from trainingjob.controller.observe import controller_of, read_pod, read_service
from trainingjob.controller.pod_groups import delete_pod_group, pod_group_resource
from trainingjob.controller.refusals import is_labelled, refusal_of, whose_is
from trainingjob.controller.ssh_keys import make_ssh_keys
from trainingjob.controller.tensorboards import delete_tensorboard
from trainingjob.reconcile import (
    Action,
    Create,
    DeleteJob,
    DeletePod,
    DeletePodGroup,
    DeleteTensorBoard,
    ObservedPod,
    ObservedService,
    ReadPod,
    Refusal,
    RefusalKind,
    StopPod,
)

CREATES_MOST: Final = 500
"""About so many pods are created in one pass; then others get their turn and the status is written."""
_RESOURCES: Final = {
    "Pod": PODS,
    "Service": SERVICES,
    "ConfigMap": CONFIG_MAPS,
    "Secret": SECRETS,
    "Deployment": DEPLOYMENTS,
}
_NAMED_BY_UID: Final = frozenset({"ConfigMap", "Secret"})
"""Kinds whose names carry their job's uid: one that exists is the job's own and need not be read."""


@dataclass(slots=True)
class Outcome:
    """What became of the actions of one pass."""

    created: list[Create] = field(default_factory=list)
    """What was created now; what existed already and is the job's own is not among it."""
    refused: list[Refusal] = field(default_factory=list)
    untried: bool = False
    """Whether creates were left to a later pass."""
    found: list[ObservedPod] = field(default_factory=list)
    """Pods that were read although the cache misses them."""
    pod_groups_gone: set[str] = field(default_factory=set)
    """Names of PodGroups that are deleted, or were gone already."""
    tensorboard_gone: bool = False
    """Whether the job's TensorBoard is deleted, or was gone already."""
    missing: set[str] = field(default_factory=set)
    """Names of pods that were read and do not exist."""
    retired: bool = False
    """Whether the job itself was deleted, or was gone already."""
    stale: bool = False
    """Whether the job is no longer the version of it that was meant."""
    trouble: TransientError | None = None
    """The first error that may pass; what it hit has to be tried again."""


class Concurrently(Protocol):
    """Carries out requests at the same time."""

    async def __call__(self, requests: Iterable[Coroutine[Any, Any, None]], ended: Callable[[], None]) -> None:
        """Return when all have ended and call `ended` for each; the first error ends the others and is raised."""


async def in_tasks(requests: Iterable[Coroutine[Any, Any, None]], ended: Callable[[], None]) -> None:
    """Carry out requests at the same time, each in a task of the running event loop."""
    tasks = [asyncio.create_task(request) for request in requests]
    for task in tasks:
        task.add_done_callback(lambda _: ended())
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class Executor:
    """Carries out actions; what the API server answers goes into the caches at once."""

    def __init__(
        self,
        client: KubeClient,
        pods: ObjectCache[ObservedPod],
        services: ObjectCache[ObservedService],
        concurrency: int,
        progressed: Callable[[Key], None] = lambda _: None,
        concurrently: Concurrently = in_tasks,
    ) -> None:
        """Make an executor.

        Args:
            client: makes the requests.
            pods: learns of pods.
            services: learns of Services.
            concurrency: how many requests may be in flight, over all jobs.
            progressed: is told the job of every request that has come to an end.
            concurrently: carries out requests at the same time.
        """
        self._concurrently = concurrently
        self._progressed = progressed
        self._client = client
        self._pods = pods
        self._services = services
        self._slots = asyncio.Semaphore(concurrency)

    async def run(self, job: TrainingJob, actions: Sequence[Action]) -> Outcome:
        """Carry out the actions of one pass of a job.

        Reads come first, then Services, ConfigMaps, Secrets and PodGroups one after another, then pods, then deletes
        and stops, then what no pod needs.
        After the first refusal or trouble nothing more is created in this pass.

        Raises:
            FencedError: when the lease is no longer held.
        """
        outcome = Outcome()
        together = partial(self._together, job.key)
        await together([self._read(job, action, outcome) for action in actions if isinstance(action, ReadPod)])
        every_create = [action for action in actions if isinstance(action, Create)]
        creates = [create for create in every_create if not create.apart]
        for create in creates:
            if create.kind != "Pod" and not _stopped(outcome):
                await self._create(job, create, outcome)
        await self._create_pods(job, [create for create in creates if create.kind == "Pod"], outcome)
        await together([self._delete(job, action, outcome) for action in actions if isinstance(action, DeletePod)])
        await together([self._stop(job, action, outcome) for action in actions if isinstance(action, StopPod)])
        groups = [action for action in actions if isinstance(action, DeletePodGroup)]
        await together([self._delete_group(job, group, outcome) for group in groups])
        for create in every_create:
            if create.apart and not _stopped(outcome):
                await self._create(job, create, outcome)
        boards = [action for action in actions if isinstance(action, DeleteTensorBoard)]
        await together([self._delete_tensorboard(job, board, outcome) for board in boards])
        await together([self._retire(job, action, outcome) for action in actions if isinstance(action, DeleteJob)])
        return outcome

    async def _create_pods(self, job: TrainingJob, creates: Sequence[Create], outcome: Outcome) -> None:
        """Create pods in batches that double: a quota that refuses is asked once and not a thousand times."""
        begin, size = 0, 1
        while begin < len(creates):
            if _stopped(outcome) or begin >= CREATES_MOST:
                outcome.untried = True
                return
            batch = creates[begin : begin + size]
            await self._together(job.key, [self._create(job, create, outcome) for create in batch])
            begin, size = begin + size, size * 2

    async def _together(self, key: Key, requests: Sequence[Coroutine[Any, Any, None]]) -> None:
        if requests:
            await self._concurrently(requests, partial(self._progressed, key))

    async def _create(self, job: TrainingJob, create: Create, outcome: Outcome) -> None:
        try:
            async with self._slots:
                body = await self._client.create(_resource(create), job.namespace, _body(create))
            self._remember(create.kind, body)
            outcome.created.append(create)
        except AlreadyExistsError:
            await self._compare(job, create, outcome)
        except ConflictError as error:
            # Not about this object: a quota that several creates have changed at the same time, for example.
            outcome.trouble = outcome.trouble or _passing(error)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        except (RefusedError, NotFoundError) as error:
            outcome.refused.append(refusal_of(create, error))

    async def _compare(self, job: TrainingJob, create: Create, outcome: Outcome) -> None:
        """Find out whose the object is that has the name already."""
        if create.kind in _NAMED_BY_UID:
            return
        try:
            async with self._slots:
                body = await self._client.get(_resource(create), job.namespace, create.name)
        except NotFoundError as error:
            outcome.trouble = outcome.trouble or _passing(error)
            return
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
            return
        except RefusedError as error:
            outcome.refused.append(refusal_of(create, error))
            return
        named = is_labelled(job, body)
        if named:
            self._remember(create.kind, body)
        if not named or controller_of(body).get("uid") != job.uid:
            message = whose_is(job, create, body)
            outcome.refused.append(Refusal(create.kind, create.name, RefusalKind.NAME_TAKEN, message))

    async def _read(self, job: TrainingJob, read: ReadPod, outcome: Outcome) -> None:
        try:
            async with self._slots:
                body = await self._client.get(PODS, job.namespace, read.name)
        except NotFoundError:
            outcome.missing.add(read.name)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        else:
            outcome.found.append(read_pod(body))

    async def _delete(self, job: TrainingJob, delete: DeletePod, outcome: Outcome) -> None:
        known = self._pods.get(job.namespace, delete.name)
        try:
            async with self._slots:
                body = await self._client.delete(PODS, job.namespace, delete.name, delete.uid, delete.grace_seconds)
        except NotFoundError:
            self._is_gone(known, delete)
        except ConflictError as error:
            await self._look_after(job, known, delete, error, outcome)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        except RefusedError as error:
            outcome.trouble = outcome.trouble or _passing(error)
        else:
            self._deleted(known, delete, body)

    async def _stop(self, job: TrainingJob, stop: StopPod, outcome: Outcome) -> None:
        known = self._pods.get(job.namespace, stop.name)
        # A deadline that has passed: the kubelet ends the pod's programs in order, and the pod stays.
        patch = {"metadata": {"uid": stop.uid}, "spec": {"activeDeadlineSeconds": 1}}
        try:
            async with self._slots:
                body = await self._client.patch(PODS, job.namespace, stop.name, patch)
        except NotFoundError:
            self._is_gone(known, stop)
        except (ConflictError, RefusedError) as error:
            await self._look_after(job, known, stop, error, outcome)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        else:
            self._remember("Pod", body)

    async def _delete_group(self, job: TrainingJob, group: DeletePodGroup, outcome: Outcome) -> None:
        try:
            async with self._slots:
                await delete_pod_group(self._client, job, group)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        else:
            outcome.pod_groups_gone.add(group.name)

    async def _delete_tensorboard(self, job: TrainingJob, board: DeleteTensorBoard, outcome: Outcome) -> None:
        try:
            async with self._slots:
                await delete_tensorboard(self._client, job, board.name)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        else:
            outcome.tensorboard_gone = True
            known = self._services.get(job.namespace, board.name)
            if known is not None and known.owner_uid == job.uid:
                self._services.remove(known)

    async def _look_after(
        self,
        job: TrainingJob,
        known: ObservedPod | None,
        delete: DeletePod | StopPod,
        error: KubeError,
        outcome: Outcome,
    ) -> None:
        """Find out what a conflict means: the name belongs to another pod by now, or the pod was being changed."""
        try:
            async with self._slots:
                body = await self._client.get(PODS, job.namespace, delete.name)
        except NotFoundError:
            self._is_gone(known, delete)
        except TransientError as trouble:
            outcome.trouble = outcome.trouble or trouble
        else:
            if body["metadata"]["uid"] == delete.uid:
                outcome.trouble = outcome.trouble or _passing(error)
                return
            self._is_gone(known, delete)
            if is_labelled(job, body):
                self._remember("Pod", body)

    def _is_gone(self, known: ObservedPod | None, delete: DeletePod | StopPod) -> None:
        if known is not None and known.uid == delete.uid:
            self._pods.remove(known)

    async def _retire(self, job: TrainingJob, delete: DeleteJob, outcome: Outcome) -> None:
        try:
            async with self._slots:
                await self._client.delete(JOBS, job.namespace, job.name, delete.uid, 0, delete.resource_version)
            outcome.retired = True
        except NotFoundError:
            outcome.retired = True
        except ConflictError as error:
            outcome.stale = True
            outcome.trouble = outcome.trouble or _passing(error)
        except TransientError as error:
            outcome.trouble = outcome.trouble or error
        except RefusedError as error:
            outcome.trouble = outcome.trouble or _passing(error)

    def _deleted(self, known: ObservedPod | None, delete: DeletePod, body: Object) -> None:
        if body.get("kind") == "Pod":
            self._pods.wrote(read_pod(body))
        known = self._pods.get(known.namespace, known.name) if known is not None else None
        if known is not None and known.uid == delete.uid and not known.deleting:
            self._pods.amend(replace(known, deleting=True))

    def _remember(self, kind: str, body: Object) -> None:
        if kind == "Pod":
            self._pods.wrote(read_pod(body))
        elif kind == "Service":
            self._services.wrote(read_service(body))


def _body(create: Create) -> Object:
    """Return what is sent; keys are in this request alone, never in what is remembered of it."""
    if create.kind != "Secret":
        return create.manifest
    return {**create.manifest, "data": make_ssh_keys(create.known_as)}


def _stopped(outcome: Outcome) -> bool:
    return bool(outcome.refused or outcome.trouble)


def _passing(error: KubeError) -> TransientError:
    return TransientError(str(error), status=error.status, reason=error.reason)


def _resource(create: Create) -> Resource:
    return pod_group_resource(create.manifest["apiVersion"]) if create.kind == "PodGroup" else _RESOURCES[create.kind]
