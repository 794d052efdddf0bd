"""Chains of random requests, as a cluster and its users make them."""

from collections.abc import Iterator
from random import Random

from tests.support.both_servers import Body, Operation
from trainingjob.api.constants import API_VERSION, KIND
from trainingjob.controller.kube import CONFIG_MAPS, JOBS, PODS, Resource

_RULE: Body = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
_COUNTS: Body = {"desired": 1, "active": 0, "ready": 0, "succeeded": 0, "failed": 1}
_SPECS: tuple[Body, ...] = (
    {},
    {"suspend": True},
    {"multiWorker": {"workers": 2}},
    {"multiWorker": {}, "suspend": True, "failurePolicy": {"rules": [_RULE]}},
    {"parameterServer": {}, "cleanPodPolicy": "None"},
    {"torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 4}}},
)
_CHANGES: tuple[Body, ...] = (
    {"suspend": True},
    {"suspend": False},
    {"suspend": None},
    {"cancel": True},
    {"cancel": False},
    {"maxRestarts": 5},
    {"maxRestarts": None},
    {"ttlSecondsAfterFinished": 60},
    {"ttlSecondsAfterFinished": None},
    {"image": "registry.example.com/other:2"},
    {"cleanPodPolicy": "All"},
    {"nodeSelector": {"zone": "a"}},
    {"nodeSelector": {"zone": None}},
    {"nodeSelector": None},
    {"multiWorker": {"workers": 3}},
    {"multiWorker": {"chief": True}},
    {"multiWorker": None},
    {"parameterServer": {"servers": 2}},
    {"torch": {"nodes": 3}},
    {"torch": {"backend": "gloo"}},
)
_STATUSES: tuple[Body, ...] = (
    {"phase": "Suspended"},
    {"phase": "Running", "attempt": 1, "restarts": 1, "restarting": {"a": "b"}},
    {"phase": "Failed", "replicas": {"worker": _COUNTS}},
    {"restarting": {"a": None, "c": "d"}},
    {"restarting": None},
    {"phase": None},
    {"observedGeneration": 1},
    {"observedGeneration": None},
)
_LABELS: tuple[Body, ...] = ({}, {"team": "a"}, {"team": "b"}, {"team": "a", "stage": "1"})
_KINDS: tuple[tuple[Resource, int], ...] = ((PODS, 6), (JOBS, 4), (CONFIG_MAPS, 2))
_VERBS = {"create": 5, "get": 1, "list": 1, "patch": 4, "status": 3, "delete": 4, "bind": 2}
_HOLD = "example.com/hold"
SELECTOR = "team=a"


def node_of(prefix: str) -> str:
    """Return the name of the node that pods are bound to."""
    return f"{prefix}-node"


def bind(pod: str, prefix: str) -> Operation:
    """Return the binding of a pod to that node."""
    target = {"apiVersion": "v1", "kind": "Node", "name": node_of(prefix)}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
    return Operation("bind", PODS, pod, body)


def random_operations(random: Random, count: int, prefix: str) -> Iterator[Operation]:
    """Yield a chain of operations on a few objects whose names begin with `prefix`."""
    for _ in range(count):
        resource = random.choices([kind for kind, _ in _KINDS], [weight for _, weight in _KINDS])[0]
        verb = random.choices(list(_VERBS), list(_VERBS.values()))[0]
        name = f"{prefix}-{resource.plural[0]}{random.randrange(3)}"
        if verb in ("status", "bind") and resource is CONFIG_MAPS:
            verb = "patch"
        if verb == "bind" and resource is JOBS:
            verb = "status"
        yield _operation(random, verb, resource, name, prefix)


def edits_of_jobs(prefix: str) -> Iterator[Operation]:
    """Yield every change of every spec: of jobs that run, that are suspended, and that have just been resumed."""
    for number, spec in enumerate(_SPECS):
        name = f"{prefix}-{number}"
        yield Operation("create", JOBS, name, _new_job({"name": name}, spec))
        yield from (Operation("patch", JOBS, name, {"spec": change}) for change in _CHANGES if "cancel" not in change)
        yield Operation("patch", JOBS, name, {"spec": {"suspend": True}})
        yield Operation("status", JOBS, name, {"status": {"phase": "Suspended"}})
        yield from (Operation("patch", JOBS, name, {"spec": change}) for change in reversed(_CHANGES))
        yield from (Operation("patch", JOBS, name, {"spec": change}) for change in _CHANGES)


def _operation(random: Random, verb: str, resource: Resource, name: str, prefix: str) -> Operation:
    match verb:
        case "create":
            owner = random.choice(["", "", "", f"{prefix}-c0", f"{prefix}-c1", "nobody"])
            # An owner that owns itself, or a circle of owners, is nothing that anybody makes.
            return Operation(
                verb, resource, name, _new(random, resource, name), owner="" if resource is CONFIG_MAPS else owner
            )
        case "get":
            return Operation(verb, resource, name)
        case "list":
            return Operation(verb, resource, selector=random.choice(["", SELECTOR, "team", "!team", "team!=b"]))
        case "bind":
            return bind(name, prefix)
        case "delete":
            grace = random.choice([None, None, 0, 1, 5, 30, 60])
            return Operation(verb, resource, name, uid=_which(random), version=_which(random, rarely=True), grace=grace)
    body = _status(random, resource) if verb == "status" else _change(random, resource)
    return Operation(verb, resource, name, body, uid=_which(random), version=_which(random))


def _which(random: Random, *, rarely: bool = False) -> str:
    return random.choices(["", "last", "first", "wrong"], [9 if rarely else 4, 4, 1, 1])[0]


def _new(random: Random, resource: Resource, name: str) -> Body:
    metadata: Body = {"name": name, "labels": random.choice(_LABELS)}
    if resource is not PODS and random.random() < 0.15:
        # The controllers of a real cluster lend a hand with pods that are held without a node.
        metadata["finalizers"] = [_HOLD]
    if resource is JOBS:
        return _new_job(metadata, random.choice(_SPECS))
    if resource is CONFIG_MAPS:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}
    spec = {
        # Nobody's scheduler: the pods stay as they are until the test binds them.
        "schedulerName": "nobody",
        "terminationGracePeriodSeconds": random.choice([0, 1, 30]),
        "containers": [{"name": "main", "image": "registry.example.com/mnist:1.0"}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _new_job(metadata: Body, spec: Body) -> Body:
    program = {"image": "registry.example.com/mnist:1.0", "command": ["python", "train.py"]}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {**program, **spec}}


def _change(random: Random, resource: Resource) -> Body:
    if resource is JOBS and random.random() < 0.7:
        # What stands here beside the spec is the status', which this way does not reach.
        more = {"status": {"phase": "Running"}} if random.random() < 0.2 else {}
        return {"spec": random.choice(_CHANGES), **more}
    if resource is not PODS and random.random() < 0.4:
        return {"metadata": {"finalizers": random.choice([None, [], [_HOLD]])}}
    if resource is CONFIG_MAPS and random.random() < 0.5:
        return {"data": {random.choice("ab"): random.choice(["b", "c", None])}}
    return {"metadata": {"labels": random.choice([None, {"team": "a"}, {"team": None}, {"team": "b", "stage": "2"}])}}


def _status(random: Random, resource: Resource) -> Body:
    if resource is JOBS:
        more = {"spec": {"maxRestarts": 9}} if random.random() < 0.2 else {}
        return {"status": random.choice(_STATUSES), **more}
    return {"status": {"phase": random.choice(["Pending", "Running", "Running", "Succeeded", "Failed"])}}
