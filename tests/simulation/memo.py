"""What is decided from equal arguments is decided once: pure functions are remembered from run to run.

The keys leave resource versions out, which differ from run to run although all else is equal; so a decision that
carries one is never remembered. Statuses and specs are interned by their content, so that two of them are equal when
they are the same object.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import cache
from marshal import dumps
from typing import Any, Final
from unittest.mock import patch

from trainingjob.api import job as job_module
from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import TrainingJobStatus
from trainingjob.api.times import parse_time
from trainingjob.controller import core, executor, observe, passes, worker
from trainingjob.controller import status as status_module
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Children, Decision, DeleteJob, ObservedPod, reconciler
from trainingjob.testing import Body

_MOST: Final = 300_000
_CONTENT: Final = 2
"""The version of marshal in which equal values have equal bytes."""


class Memo:
    """The remembered results, and in `decided` what the last decisions of this run were made from."""

    def __init__(self) -> None:
        self.decided: dict[str, TrainingJob]
        """Job's name → the job that the last decision was made from."""
        self.hits = 0
        self.misses = 0
        self._decide: Callable[..., Decision] = _found(worker, "reconcile")
        self._plan: Callable[..., Any] = _found(reconciler, "plan_job")
        self._read_job = job_module.read_job
        self._read_pod = observe.read_pod
        self._difference = status_module.merge_difference
        self._forget()

    def _forget(self) -> None:
        self._specs: dict[tuple[str, bytes], tuple[TrainingJobSpec | None, str]] = {}
        self._statuses: dict[bytes, TrainingJobStatus] = {}
        self._decisions: dict[tuple[Any, ...], Decision] = {}
        self._plans: dict[tuple[Any, ...], Any] = {}
        self._patches: dict[tuple[int, int], dict[str, Any]] = {}
        self._pods: dict[bytes, dict[str, ObservedPod]] = {}
        self._contents: dict[int, bytes] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}
        """What of a job its decisions depend on → a number that stands for it."""
        self._interned: set[int] = set()
        self.begin()

    def begin(self) -> None:
        """Begin a run; what one run alone can use is forgotten, and everything when it has become too much."""
        self.decided = {}
        # The bodies are kept with what was read from them: else another could get the id of one that is gone.
        self._jobs_of_run: dict[int, tuple[Body, TrainingJob]] = {}
        self._numbers_of_run: dict[int, tuple[TrainingJob, int]] = {}
        self._pods_of_run: dict[int, tuple[Body, ObservedPod]] = {}
        self._specs_of_run: dict[int, tuple[Body, tuple[str, bytes]]] = {}
        self.of_run = self._jobs_of_run, self._numbers_of_run, self._pods_of_run, self._specs_of_run
        """What was read in this run, and is to be forgotten where the run is taken back."""
        if len(self._decisions) + len(self._contents) > _MOST:
            self._forget()

    @contextmanager
    def installed(self) -> Iterator["Memo"]:
        """Stand between the controller and the pure functions while the block runs."""
        stand_ins: list[tuple[Any, str, Any]] = [
            (job_module, "read_job", self.read_job),
            (core, "read_job", self.read_job),
            (worker, "read_job", self.read_job),
            (worker, "reconcile", self.reconcile),
            (reconciler, "plan_job", self.plan_job),
            (observe, "read_pod", self.read_pod),
            (executor, "read_pod", self.read_pod),
            (executor, "make_ssh_keys", _no_keys),
            # A coroutine that is killed never unsays whom it speaks of.
            (passes, "speaking_of", nullcontext),
        ]
        if _found(worker, "status_patch") is status_module.status_patch:
            stand_ins.append((worker, "status_patch", self.status_patch))
        with ExitStack() as stack:
            # The operator tells of every fault; nobody reads it, and the writing would take half of the time.
            stack.callback(logging.disable, logging.root.manager.disable)
            logging.disable()
            for module, name, stand_in in stand_ins:
                stack.enter_context(patch.object(module, name, stand_in))
            yield self

    def read_job(self, body: Body) -> TrainingJob:
        """Stand in for `read_job`."""
        if (known := self._jobs_of_run.get(id(body))) is not None:
            return known[1]
        metadata = body["metadata"]
        key = self._spec_key(metadata["name"], body["spec"])
        status = dumps(body["status"], _CONTENT)
        if key not in self._specs or status not in self._statuses:
            fresh = self._read_job(body)
            self._specs.setdefault(key, (fresh.spec, fresh.problem))
            # Two stored forms can mean the same status, and then share it.
            self._statuses.setdefault(status, self._keep(fresh.status))
        spec, problem = self._specs[key]
        job = TrainingJob(
            metadata["namespace"],
            metadata["name"],
            metadata["uid"],
            metadata["generation"],
            metadata["resourceVersion"],
            _time(metadata["creationTimestamp"]),
            "deletionTimestamp" in metadata,
            str(body["spec"].get("managedBy") or ""),
            spec,
            problem,
            self._statuses[status],
        )
        self._jobs_of_run[id(body)] = body, job
        return job

    def _spec_key(self, name: str, spec: Body) -> tuple[str, bytes]:
        known = self._specs_of_run.get(id(spec))
        if known is None:
            known = self._specs_of_run[id(spec)] = spec, (name, dumps(spec, _CONTENT))
        return known[1]

    def _keep(self, status: TrainingJobStatus) -> TrainingJobStatus:
        kept = self._statuses.setdefault(dumps(status.manifest(), _CONTENT), status)
        self._interned.add(id(kept))
        return kept

    def read_pod(self, body: Body) -> ObservedPod:
        """Stand in for `read_pod`."""
        if (known := self._pods_of_run.get(id(body))) is not None:
            return known[1]
        metadata = body["metadata"]
        version = metadata["resourceVersion"]
        content = dumps(
            (
                metadata["name"],
                metadata["uid"],
                metadata["creationTimestamp"],
                metadata.get("labels"),
                metadata.get("ownerReferences"),
                metadata.get("deletionTimestamp"),
                body.get("status"),
                *_seen_of_spec(body["spec"]),
            ),
            _CONTENT,
        )
        versions = self._pods.setdefault(content, {})
        pod = versions.get(version)
        if pod is None:
            pod = versions[version] = self._read_pod(body)
            self._contents[id(pod)] = content
        self._pods_of_run[id(body)] = body, pod
        return pod

    def reconcile(self, job: TrainingJob, children: Children, now: datetime, options: PlanOptions) -> Decision:
        """Stand in for `reconcile`."""
        self.decided[job.name] = job
        if id(job.status) not in self._interned:
            return self._decide(job, children, now, options)
        contents = self._contents
        key = (
            self._number(job),
            tuple([contents.get(id(pod)) or replace(pod, resource_version="") for pod in children.pods]),
            tuple([(service.name, service.owner_uid, service.deleting) for service in children.services]),
            children.refusals,
            children.confirmed_missing,
            children.tensorboard_gone,
            now,
        )
        decision = self._decisions.get(key)
        if decision is not None:
            self.hits += 1
            return decision
        self.misses += 1
        decision = self._decide(job, children, now, options)
        if decision.status is not None:
            decision = replace(decision, status=self._keep(decision.status))
        if not any(isinstance(action, DeleteJob) for action in decision.actions):
            self._decisions[key] = decision
        return decision

    def _number(self, job: TrainingJob) -> int:
        known = self._numbers_of_run.get(id(job))
        if known is None:
            key = job.name, job.uid, job.generation, job.created, job.deleting, id(job.spec), id(job.status)
            known = self._numbers_of_run[id(job)] = job, self._numbers.setdefault(key, len(self._numbers))
        return known[1]

    def plan_job(self, job: TrainingJob, options: PlanOptions) -> Any:
        """Stand in for `plan_job`."""
        key = job.name, job.uid, id(job.spec)
        if job.spec is None or key not in self._plans:
            plan = self._plan(job, options)
            if job.spec is None:
                return plan
            self._plans[key] = plan
        return self._plans[key]

    def status_patch(self, job: TrainingJob, status: TrainingJobStatus) -> dict[str, Any]:
        """Stand in for `status_patch`."""
        if not self._interned.issuperset((id(job.status), id(status))):
            return status_module.status_patch(job, status)
        key = id(job.status), id(status)
        difference = self._patches.get(key)
        if difference is None:
            difference = self._difference(job.status.manifest(), status.manifest())
            self._patches[key] = difference
        return {"metadata": {"uid": job.uid, "resourceVersion": job.resource_version}, "status": difference}


def _found(module: Any, name: str) -> Any:
    """Return what stands under a name now: a bug may have been planted there."""
    return getattr(module, name)


def _seen_of_spec(spec: Body) -> tuple[Any, ...]:
    """Return what is read of a pod's spec: whether it is stopped, and whether it has a sidecar."""
    if "initContainers" not in spec:
        return ()
    return spec.get("activeDeadlineSeconds"), len(spec["initContainers"]), spec["initContainers"][-1]["name"]


_time = cache(parse_time)


def _no_keys(_: str) -> dict[str, str]:
    """Stand in for SSH keys, which cost a millisecond and decide nothing."""
    return {}
