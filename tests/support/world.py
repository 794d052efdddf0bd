"""A world of one job in memory: it carries decisions out and lets a test play the kubelet and the user."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.support.builders import CREATED, make_job
from trainingjob.api.constants import LABEL_ATTEMPT, LABEL_INDEX, LABEL_JOB, LABEL_ROLE
from trainingjob.api.job import TrainingJob
from trainingjob.api.status import Condition
from trainingjob.contract.names import UPLOAD_ARTIFACTS
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import (
    Children,
    Create,
    Decision,
    DeleteJob,
    DeletePod,
    DeletePodGroup,
    DeleteTensorBoard,
    Event,
    MainContainer,
    ObservedPod,
    ObservedService,
    ReadPod,
    Refusal,
    RefusalKind,
    Sidecar,
    StopPod,
    events,
    reconcile,
)

SHORT = timedelta(seconds=6)
ONE_ATTEMPT: dict[str, Any] = {"maxRestarts": 0, "maxDisruptions": 0}
"""The fields of a job that ends with its first failure."""


class World:
    """One job, its children, a clock; what the operator writes is counted."""

    def __init__(self, job: TrainingJob | None = None, **spec: Any) -> None:
        self.job = job or make_job(**spec)
        self.now = CREATED
        self.pods: dict[str, ObservedPod] = {}
        self.services: dict[str, ObservedService] = {}
        self.refused: dict[str, tuple[RefusalKind, str]] = {}
        """Names whose creation the API server refuses."""
        self.hidden: set[str] = set()
        """Pods that the operator's cache misses although they exist."""
        self.created: list[str] = []
        self.deleted: list[str] = []
        self.graces: dict[str, int] = {}
        """The seconds that the last delete of a pod of this name gave it."""
        self.stopped: list[str] = []
        """Pods that were told to end and to stay."""
        self.events: list[Event] = []
        self.patches = 0
        self.pod_groups: dict[str, dict[str, Any]] = {}
        """The PodGroups that exist, by name."""
        self.pod_groups_gone: frozenset[str] = frozenset()
        """The names of those that the operator knows to be gone."""
        self.deployments: dict[str, dict[str, Any]] = {}
        """The Deployments that exist, by name."""
        self.retired = False
        """Whether the job itself was deleted."""
        self._uids = count(1)
        self._waiting: datetime | None = None
        """When a decision is looked at again that had nothing to say yet."""

    @property
    def status(self) -> Any:
        """Return the job's stored status, loosely typed: a test may look into a part that must be there."""
        return self.job.status

    @property
    def phase(self) -> str:
        """Return the stored phase."""
        return str(self.job.status.phase)

    def condition(self, kind: str) -> Condition | None:
        """Return a condition of the stored status."""
        return next((c for c in self.job.status.conditions or [] if c.type == kind), None)

    def holds(self, kind: str) -> bool:
        """Say whether a condition is true."""
        condition = self.condition(kind)
        return condition is not None and condition.status == "True"

    def settle(self) -> None:
        """Reconcile until nothing is written any more.

        Raises:
            RuntimeError: when that does not come to an end.
        """
        for _ in range(40):
            if not self.step() and not self._short_wait():
                return
        raise RuntimeError("the job is written again and again")

    def _short_wait(self) -> bool:
        """Let the few seconds pass in which a failure waits for others, and say whether there was such a wait."""
        if self._waiting is None or self._waiting > self.now + SHORT:
            return False
        self.now, self._waiting = self._waiting, None
        return True

    def look(self) -> Decision:
        """Return what would be decided now."""
        return self._decide(Children(*self._visible(), pod_groups_gone=self.pod_groups_gone))

    def step(self) -> bool:
        """Make one pass as the controller does and return whether anything was written."""
        decision = self.look()
        created, children = self._carry_out(decision)
        if decision.actions:
            decision = replace(self._decide(children), actions=decision.actions)
        self._waiting = decision.wake if decision.status is None else None
        removals = DeletePod | DeletePodGroup | DeleteTensorBoard | StopPod
        wrote = bool(created) or any(isinstance(action, removals) for action in decision.actions)
        if decision.status is not None and decision.status != self.job.status:
            self.events += events(self.job, decision.status, created)
            self.job = replace(self.job, status=decision.status)
            self.patches += 1
            wrote = True
        elif created:
            self.events += events(self.job, self.job.status, created)
        return wrote

    def _decide(self, children: Children) -> Decision:
        return reconcile(self.job, children, self.now, PlanOptions())

    def _visible(self) -> tuple[tuple[ObservedPod, ...], tuple[ObservedService, ...]]:
        return tuple(p for p in self.pods.values() if p.name not in self.hidden), tuple(self.services.values())

    def _carry_out(self, decision: Decision) -> tuple[list[Create], Children]:
        created, refusals, found, missing, board_gone = [], [], [], set(), False
        for action in decision.actions:
            match action:
                case Create() if action.name in self.refused:
                    why, message = self.refused[action.name]
                    refusals.append(Refusal(action.kind, action.name, why, message))
                case Create() if any(refusal.kind != "Pod" for refusal in refusals) or (action.apart and refusals):
                    pass  # what must stand before it does not
                case Create():
                    created.append(action)
                    self._create(action)
                case DeletePod():
                    self.deleted.append(action.name)
                    self._delete(action)
                case StopPod():
                    self.stopped.append(action.name)
                    self.change(action.name, stopped=True)
                case DeletePodGroup():
                    self.pod_groups.pop(action.name, None)
                    self.pod_groups_gone |= {action.name}
                case DeleteTensorBoard():
                    self.services.pop(action.name, None)
                    self.deployments.pop(action.name, None)
                    board_gone = True
                case DeleteJob():
                    self.retired = True
                case ReadPod():
                    pod = self.pods.get(action.name)
                    found += [pod] if pod else []
                    missing |= set() if pod else {action.name}
        pods, services = self._visible()
        gone = self.pod_groups_gone
        return created, Children((*pods, *found), services, tuple(refusals), frozenset(missing), gone, board_gone)

    def _delete(self, action: DeletePod) -> None:
        self.graces[action.name] = action.grace_seconds
        if action.grace_seconds:
            self.pods[action.name] = replace(self.pods[action.name], deleting=True)
        else:
            del self.pods[action.name]

    def _create(self, action: Create) -> None:
        self.created.append(action.name)
        owner = action.manifest["metadata"]["ownerReferences"][0]["uid"]
        if action.kind == "Service":
            self.services[action.name] = self.a_service(action.name, owner)
        if action.kind == "Deployment":
            self.deployments[action.name] = action.manifest
        if action.kind == "PodGroup":
            self.pod_groups[action.name] = action.manifest
            self.pod_groups_gone -= {action.name}
        if action.kind == "Pod":
            labels = action.manifest["metadata"]["labels"]
            self.pods[action.name] = replace(
                self.a_pod(action.name, owner),
                job=labels[LABEL_JOB],
                role=labels[LABEL_ROLE],
                index=int(labels[LABEL_INDEX]),
                attempt=int(labels[LABEL_ATTEMPT]),
                artifacts=Sidecar() if _has_sidecar(action.manifest) else None,
            )

    def a_pod(self, name: str, owner: str) -> ObservedPod:
        """Return a fresh pod with the given owner."""
        return ObservedPod(
            namespace=self.job.namespace,
            name=name,
            uid=f"pod-{next(self._uids)}",
            resource_version="1",
            owner_uid=owner,
            job=self.job.name,
            role="worker",
            index=0,
            attempt=0,
            phase="Pending",
            created=self.now,
            deleting=False,
            ready=False,
            main=MainContainer(),
        )

    def a_service(self, name: str, owner: str) -> ObservedService:
        """Return a fresh Service with the given owner."""
        return ObservedService(
            self.job.namespace, name, f"service-{next(self._uids)}", "1", owner, self.job.name, deleting=False
        )

    # The kubelet and the user.

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def change(self, name: str, **fields: Any) -> None:
        """Change a pod as somebody else would."""
        self.pods[name] = replace(self.pods[name], **fields)

    def start(self, *names: str) -> None:
        """Start the programs of the named pods, of all that wait when none is named."""
        for name in names or [n for n, p in self.pods.items() if p.main.started is None]:
            self.change(name, phase="Running", ready=True, main=MainContainer(started=self.now))

    def end(
        self, name: str, exit_code: int = 0, *, reason: str = "", message: str = "", at: datetime | None = None
    ) -> None:
        """End a program."""
        main = replace(
            self.pods[name].main,
            ended=at or self.now,
            exit_code=exit_code,
            reason=reason or ("Completed" if exit_code == 0 else "Error"),
            message=message,
        )
        sidecar = self.pods[name].artifacts
        phase = "Running" if sidecar and not sidecar.ended else "Failed" if exit_code else "Succeeded"
        self.change(name, phase=phase, ready=False, main=main)

    def stop_deleted(self) -> None:
        """Remove the pods that are being deleted, as the kubelet does when their programs have ended."""
        self.pods = {name: pod for name, pod in self.pods.items() if not pod.deleting}


def _has_sidecar(pod: dict[str, Any]) -> bool:
    return any(container["name"] == UPLOAD_ARTIFACTS for container in pod["spec"].get("initContainers") or ())
