"""The judge of what the operator promises, for simulated and for real API servers."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

from trainingjob.testing.births import check_new_child, check_new_pod, check_new_tensorboard
from trainingjob.testing.counting import Finding, check_counters, check_evidence
from trainingjob.testing.endings import check_end
from trainingjob.testing.objects import ADDED, DELETED, Change
from trainingjob.testing.records import PodRecord, Seen, new_job, new_pod, owner_of, take_pod
from trainingjob.testing.requests import Known, check_write
from trainingjob.testing.resting import check_rest
from trainingjob.testing.writes import JUDGED, Write

_NOTHING: Seen = {}


class Violation(NamedTuple):
    """One promise that was broken."""

    number: int
    """The invariant, from 1 to 15."""
    sentence: str
    version: int
    """The newest resource version that the judge had seen."""


class Judge:
    """Judges the operator by every change of every object and by every write that it sends.

    The changes come in the order of their resource versions, which are one sequence for all kinds. The writes come
    after the changes that they have made, or with the version of their answer, until which they are held back.

     1. A job has at most one live pod for a role and index: at every new pod. Live is what exists and whose container
        `main` has not ended.
     2. Children have the job as their controller; only a job's own children are deleted or, pods alone, ended, none is
        changed otherwise: by new objects with the operator's labels, and by writes.
     3. Every delete, and every patch that ends a pod, carries a uid: by writes.
     4. A pod comes after the Service, ConfigMaps and Secrets of its job that it needs: at every new pod. Whether
        somebody else has deleted them since is not asked; at rest a running job has its Service.
     5. No pod comes while the stored phase is terminal or Suspended, or `ending` is stored: at every new pod. With
        `Write.basis`, none is sent for either when the operator knew that the job is suspended, cancelled or being
        deleted, or that its outcome is decided.
        Nothing of a TensorBoard comes after an outcome, or before the status speaks of it.
     6. A terminal phase and its completion time stay, and are the only ones: at every change of a job. An outcome in
        `ending` stays and is the one in which the job ends, but for a success whose required artifacts are missing.
        The operator deletes no job that has not ended.
     7. A job becomes Succeeded, or its `ending` says so, only after the replicas of its success policy were seen to end
        well in its attempt. It ends only when every sidecar that uploads has told of its end, or its time is over.
     8. Restarts are charged as `counting` says; no pod is deleted before the status has dealt with it; at rest no job
        goes on with a failure that was not counted.
     9. Counters, attempt and observedGeneration never fall: at every change of a job.
    10. At rest what is suspended, cancelled, finished or deleted has no live pods, but for what `cleanPodPolicy: None`
        keeps and what is being deleted already.
    11. A job's status speaks of its own pods alone, its first counters are its own, and status writes name the uid.
    12. Nothing is written to a job of another manager or to its children: by writes.
    13. At rest nothing is written: by writes between `at_rest` and `disturbed`. A create that is refused is no write:
        what waits for a quota or for another's name asks again and again.
    14. At rest a job that cannot be carried out says so in its condition Stalled.
    15. At rest every job has ended, runs with all its pods, or waits with a reason that says for what, or for pods
        that are still being deleted; nothing has outlived its time to live.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._known = Known()
        self._version = 0
        self._early: list[tuple[int, int, Write]] = []
        self._arrivals = 0
        self._resting = False

    def begin(self, resource: str, bodies: Iterable[Seen]) -> None:
        """Take over what there is before the judge looks on, jobs before pods; nothing of it is judged."""
        for body in bodies:
            self._learn(resource, body)

    def changed(self, kind: str, resource: str, body: Seen) -> None:
        """Judge one change.

        Args:
            kind: ADDED, MODIFIED or DELETED.
            resource: the plural; what is none of a job's is passed over.
            body: the object afterwards, or as it was last, with the version of the change.
        """
        if (version := int(body["metadata"]["resourceVersion"])) > self._version:
            self._version = version
        if resource == "trainingjobs":
            self._job_changed(kind, body)
        elif resource == "pods":
            self._pod_changed(kind, body)
        elif resource in JUDGED:
            self._child_changed(kind, resource, body)
        while self._early and self._early[0][0] <= self._version:
            self._judge(heappop(self._early)[2])

    def take(self, change: Change) -> None:
        """Judge one change of a model of the API server."""
        self.changed(change.kind, change.resource, change.body)

    def wrote(self, write: Write) -> None:
        """Judge one write of the operator, also one that was refused or never arrived."""
        if write.resource not in JUDGED:
            return
        if write.at > self._version:
            self._arrivals += 1
            heappush(self._early, (write.at, self._arrivals, write))
        else:
            self._judge(write)

    def at_rest(self, now: datetime, poisoned: Collection[str] = ()) -> None:
        """Judge what is left when nothing happens any more.

        Args:
            now: the time.
            poisoned: the uids of jobs that cannot be carried out as they are stored.
        """
        while self._early:
            self._judge(heappop(self._early)[2])
        self._found(check_rest(self._known, now, frozenset(poisoned)))
        self._resting = True

    def disturbed(self) -> None:
        """Take note that something happens again, so that the operator may write."""
        self._resting = False

    def _judge(self, write: Write) -> None:
        self._found(check_write(self._known, write))
        if self._resting and not (write.verb == "create" and write.status >= 400):
            self._found([(13, f"At rest the operator sent {write}.")])

    def _found(self, findings: Iterable[Finding]) -> None:
        for number, sentence in findings:
            self.violations.append(Violation(number, sentence, self._version))

    def _learn(self, resource: str, body: Seen) -> None:
        known, uid = self._known, body["metadata"]["uid"]
        if resource == "trainingjobs":
            job = known.jobs[uid] = known.current[_place(body)] = new_job(body)
            job.counted.update(uid for uid in (job.status.get("restarting") or {}).values() if uid)
        elif resource == "pods":
            self._learn_pod(body)
        elif resource in JUDGED:
            self._learn_child(resource, body)

    def _job_changed(self, kind: str, body: Seen) -> None:
        job = self._known.jobs.get(body["metadata"]["uid"])
        if job is None:
            self._learn("trainingjobs", body)
            self._known.jobs[body["metadata"]["uid"]].gone = kind == DELETED
            return
        if kind == DELETED:
            job.gone = True
            return
        before, after = job.status, body.get("status") or _NOTHING
        job.take(body)
        if after == before or job.foreign:
            return
        self._found(check_counters(job, before, after))
        self._found(check_evidence(job, after, self._known.owners))
        self._found(check_end(job, before, after))
        if job.phase == "Suspended" and before.get("phase") != "Suspended":
            job.successes.clear()

    def _pod_changed(self, kind: str, body: Seen) -> None:
        pod = self._known.pods.get(body["metadata"]["uid"])
        if pod is None:
            pod = self._learn_pod(body)
            self._found(check_new_child("pods", body))
            job = self._known.jobs.get(pod.owner)
            if job is not None and kind == ADDED and not job.gone:
                self._found(check_new_pod(job, pod, body))
        else:
            self._update(pod, body)
        pod.gone = kind == DELETED

    def _child_changed(self, kind: str, resource: str, body: Seen) -> None:
        if body["metadata"]["uid"] not in self._known.owners:
            self._found(check_new_child(resource, body))
            self._learn_child(resource, body)
            owner = self._known.jobs.get(owner_of(body))
            if kind == ADDED and owner is not None and not owner.gone:
                self._found(check_new_tensorboard(owner, resource, body))
        job = self._known.jobs.get(owner_of(body))
        if kind == DELETED and job is not None:
            job.standing.discard((resource, body["metadata"]["name"]))

    def _learn_pod(self, body: Seen) -> PodRecord:
        pod = new_pod(body)
        self._known.pods[pod.uid], self._known.owners[pod.uid] = pod, pod.owner
        if job := self._known.jobs.get(pod.owner):
            job.add(pod)
        self._update(pod, body)
        return pod

    def _update(self, pod: PodRecord, body: Seen) -> None:
        ended = pod.result
        take_pod(pod, body)
        if pod.result == "Succeeded" and not ended and (job := self._known.jobs.get(pod.owner)):
            job.successes.add((pod.attempt, pod.role, pod.index))

    def _learn_child(self, resource: str, body: Seen) -> None:
        metadata, owner = body["metadata"], owner_of(body)
        self._known.owners[metadata["uid"]] = owner
        if job := self._known.jobs.get(owner):
            job.children.add((resource, metadata["name"]))
            job.standing.add((resource, metadata["name"]))


def _place(body: Seen) -> tuple[str, str]:
    metadata: Mapping[str, str] = body["metadata"]
    return metadata["namespace"], metadata["name"]
