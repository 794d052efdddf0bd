"""An executor with everything around it, and the children that it is asked for."""

from typing import Any

from tests.support.builders import JOB_UID, make_job
from tests.unit.controller.fakes import FakeKube, ignore
from trainingjob.api.constants import LABEL_JOB
from trainingjob.controller.cache import ObjectCache
from trainingjob.controller.executor import Executor, Outcome
from trainingjob.controller.kube_errors import KubeError
from trainingjob.reconcile import Action, Create, ObservedPod, ObservedService

JOB = make_job()
OTHER_UID = "another-uid"


def owner(uid: str = JOB_UID, kind: str = "TrainingJob", name: str = "mnist") -> list[dict[str, Any]]:
    """Return the owner references of a child with this controller."""
    return [{"kind": kind, "name": name, "uid": uid, "controller": True}]


def child(name: str, uid: str = JOB_UID, label: str = "mnist") -> dict[str, Any]:
    """Return the manifest of a child."""
    return {"metadata": {"name": name, "labels": {LABEL_JOB: label}, "ownerReferences": owner(uid)}}


def create(name: str, kind: str = "Pod") -> Create:
    """Ask for a child of the job."""
    return Create(kind, name, child(name))


def create_secret(known_as: str = "*.mnist") -> Create:
    """Ask for the Secret of the job's first attempt, whose host key these hosts show."""
    name = "mnist-11111111-a0"
    manifest = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": True, **child(name)}
    return Create("Secret", name, manifest, known_as)


class Hands:
    """An executor with its caches and its API server."""

    def __init__(self) -> None:
        self.kube = FakeKube()
        self.pods: ObjectCache[ObservedPod] = ObjectCache(ignore, lambda pod: pod.job)
        self.services: ObjectCache[ObservedService] = ObjectCache(ignore, lambda service: service.job)
        self.executor = Executor(self.kube, self.pods, self.services, concurrency=4)

    async def run(self, *actions: Action) -> Outcome:
        return await self.executor.run(JOB, actions)

    def known(self) -> list[str]:
        return [pod.name for pod in self.pods.of(JOB.key)]

    def refuse(self, verb: str, error: KubeError, *names: str) -> None:
        self.kube.before = lambda v, name: error if v == verb and (not names or name in names) else None
