"""Histories of a cluster in a few words, played on the model of the API server and shown to the judge."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from trainingjob.api.constants import (
    API_VERSION,
    KIND,
    LABEL_ATTEMPT,
    LABEL_INDEX,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_ROLE,
)
from trainingjob.controller.kube import JOBS, PODS, Resource
from trainingjob.testing import Judge, ModelServer, Write

Body = dict[str, Any]
HOME = "team"
SUCCESS = {"phase": "Succeeded", "reason": "PrimarySucceeded", "time": "2026-01-31T12:00:00Z"}
"""The outcome of a job that is decided at the beginning."""
BEGIN = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


class History:
    """One namespace of which a judge sees everything; the methods are called after who does it."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.server = ModelServer(lambda: self.now)
        self.judge = Judge()
        self._told = 0

    def broken(self) -> list[int]:
        """Return the numbers of the invariants that were broken, each once."""
        return sorted({violation.number for violation in self.judge.violations})

    def user_creates(self, name: str = "mnist", **spec: Any) -> Body:
        """Create a job."""
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        return self._shown(self.server.create(JOBS, HOME, body))

    def user_changes(self, job: Body, **spec: Any) -> Body:
        """Change a job's spec."""
        return self._shown(self.server.patch(JOBS, HOME, job["metadata"]["name"], {"spec": spec}))

    def user_deletes(self, job: Body) -> None:
        """Delete a job, and let nobody collect what it leaves behind."""
        self.server.delete(JOBS, HOME, job["metadata"]["name"])
        self._tell()

    def operator_says(self, job: Body, basis: Body | None = None, **status: Any) -> Body:
        """Write a job's status as the operator does."""
        metadata = (basis or self._stored(job))["metadata"]
        meant = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        return self.writes_status(job, {"metadata": meant, "status": status})

    def writes_status(self, job: Body, patch: Body) -> Body:
        """Write a job's status with a patch that may lack what the operator's have."""
        name = job["metadata"]["name"]
        found = self._shown(self.server.patch(JOBS, HOME, name, patch, subresource="status"))
        self.judge.wrote(Write("patch", "trainingjobs", HOME, name, "status", patch, status=200))
        return found

    def operator_ends(self, job: Body, phase: str, **status: Any) -> Body:
        """Write the end of a job."""
        kinds = ["Finished", *([phase] if phase != "Cancelled" else [])]
        conditions = [{"type": kind, "status": "True"} for kind in kinds]
        return self.operator_says(job, **{"phase": phase, "conditions": conditions, **status})

    def operator_creates(
        self,
        job: Body,
        replica: str = "worker-0",
        *,
        attempt: int = 0,
        name: str = "",
        basis: int = 0,
        labels: Mapping[str, str] | None = None,
        owner: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> Body:
        """Create a pod of a job; `labels` and `owner` replace what is right."""
        role, _, index = replica.rpartition("-")
        body = self.child(job, name or f"{job['metadata']['name']}-{replica}", owner)
        body["metadata"]["labels"].update({LABEL_ROLE: role, LABEL_INDEX: index, LABEL_ATTEMPT: str(attempt)})
        body["metadata"]["labels"].update(labels or {})
        body["spec"] = {"nodeName": "", **(spec or {})}
        return self.creates(PODS, body, basis)

    def child(self, job: Body, name: str, owner: Mapping[str, Any] | None = None) -> Body:
        """Return what is to be a child of a job."""
        metadata = job["metadata"]
        right = {"kind": KIND, "name": metadata["name"], "uid": metadata["uid"], "controller": True}
        return {
            "metadata": {
                "name": name,
                "labels": {LABEL_JOB: metadata["name"], LABEL_JOB_UID: metadata["uid"]},
                "ownerReferences": [{**right, **(owner or {})}],
            }
        }

    def creates(self, resource: Resource, body: Body, basis: int = 0) -> Body:
        """Create anything as the operator does."""
        found = self._shown(self.server.create(resource, HOME, body))
        name = body["metadata"]["name"]
        self.judge.wrote(Write("create", resource.plural, HOME, name, body=body, status=201, basis=basis))
        return found

    def somebody_creates(self, resource: Resource, body: Body) -> Body:
        """Create anything as somebody else does."""
        return self._shown(self.server.create(resource, HOME, body))

    def kubelet_says(self, pod: Body, phase: str, exit_code: int | None = None) -> Body:
        """Write how a pod and its container `main` stand."""
        state = {"running": {}} if exit_code is None else {"terminated": {"exitCode": exit_code}}
        status = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
        patch = {"status": status}
        return self._shown(self.server.patch(PODS, HOME, pod["metadata"]["name"], patch, subresource="status"))

    def sidecar_says(self, pod: Body, state: str) -> Body:
        """Write whether the sidecar that uploads artifacts is `running` or `terminated`."""
        patch = {"status": {"initContainerStatuses": [{"name": "artifacts", "state": {state: {}}}]}}
        return self._shown(self.server.patch(PODS, HOME, pod["metadata"]["name"], patch, subresource="status"))

    def operator_stops(self, pod: Body, *, uid: str | None = None) -> None:
        """End a pod's programs as the operator does, and let it stay; `uid` replaces the one that is meant."""
        name, meant = pod["metadata"]["name"], pod["metadata"]["uid"] if uid is None else uid
        patch = {"metadata": {"uid": meant} if meant else {}, "spec": {"activeDeadlineSeconds": 1}}
        found = self._shown(self.server.patch(PODS, HOME, name, patch))
        version = int(found["metadata"]["resourceVersion"])
        self.judge.wrote(Write("patch", "pods", HOME, name, body=patch, status=200, at=version))

    def somebody_deletes(self, pod: Body) -> None:
        """Delete a pod at once, as by its node's end."""
        self.server.delete(PODS, HOME, pod["metadata"]["name"], grace_seconds=0)
        self._tell()

    def operator_deletes(self, child: Body, resource: Resource = PODS, *, uid: str | None = None) -> None:
        """Delete a child as the operator does; `uid` replaces the one that is meant."""
        metadata = child["metadata"]
        meant = metadata["uid"] if uid is None else uid
        self.server.delete(resource, HOME, metadata["name"], uid=meant, grace_seconds=30)
        self._tell()
        self.judge.wrote(
            Write("delete", resource.plural, HOME, metadata["name"], uid=meant, grace_seconds=30, status=200)
        )

    def running(self, *replicas: str, **spec: Any) -> tuple[Body, ...]:
        """Return a job that runs, and the pods of its replicas; by default worker 0."""
        job = self.user_creates(**spec)
        pods = [self.operator_creates(job, replica) for replica in replicas or ("worker-0",)]
        for pod in pods:
            self.kubelet_says(pod, "Running")
        message = "Every replica has started."
        self.operator_says(job, phase="Running", reason="Training", message=message, attempt=0, observedGeneration=1)
        return job, *pods

    def uploading(self, **spec: Any) -> tuple[Body, Body]:
        """Return a job whose success is decided while its pod uploads, and the pod."""
        job = self.user_creates(**spec)
        sidecar = {"initContainers": [{"name": "artifacts", "restartPolicy": "Always"}]}
        pod = self.operator_creates(job, spec=sidecar)
        self.operator_says(job, phase="Running", reason="Training", attempt=0, observedGeneration=1)
        self.sidecar_says(pod, "running")
        self.kubelet_says(pod, "Running", 0)
        return self.operator_says(job, phase="Finalizing", reason="UploadingArtifacts", ending=SUCCESS), pod

    def rests(self, *poisoned: Body) -> None:
        """Let everything come to rest an hour later."""
        self.now += timedelta(hours=1)
        self.judge.at_rest(self.now, [job["metadata"]["uid"] for job in poisoned])

    def _stored(self, job: Body) -> Body:
        return self.server.get(JOBS, HOME, job["metadata"]["name"])

    def _shown(self, body: Body) -> Body:
        self._tell()
        return body

    def _tell(self) -> None:
        for change in self.server.changes[self._told :]:
            self.judge.take(change)
        self._told = len(self.server.changes)


Play = Callable[[History], object]


class Plays:
    """A table of histories: those that break one invariant and no other, and those that break none."""

    def __init__(self) -> None:
        self.breaking: list[tuple[int, Play]] = []
        self.keeping: list[Play] = []

    def breaks(self, number: int) -> Callable[[Play], Play]:
        """Put a history among those that break an invariant."""

        def note(play: Play) -> Play:
            self.breaking.append((number, play))
            return play

        return note

    def keeps(self, play: Play) -> Play:
        """Put a history among those that break none."""
        self.keeping.append(play)
        return play
