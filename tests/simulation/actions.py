"""What people, queues, nodes and mishaps do to a job: one small function for each kind of incident."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.scopes import JOB
from trainingjob.api.constants import LABEL_JOB
from trainingjob.controller.kube import JOBS, PODS, SERVICES
from trainingjob.controller.kube_errors import RefusedError

if TYPE_CHECKING:
    from tests.simulation.kubelet import Play
    from tests.simulation.schedule import Incident
    from tests.simulation.world import World

Action = Callable[["World", "Incident"], None]


def _edit(world: "World", spec: Mapping[str, Any]) -> None:
    """Change the job's spec as a user does; what the API server refuses is refused."""
    if world.server.find(JOBS, world.namespace, JOB) is None:
        return
    try:
        world.server.patch(JOBS, world.namespace, JOB, {"spec": spec})
    except RefusedError:
        world.note("refused", f"edit {dict(spec)}")
    world.settle()


def _suspend(world: "World", incident: "Incident") -> None:
    _edit(world, {"suspend": bool(incident.value)})


def _toggle(world: "World", incident: "Incident") -> None:
    """Suspend as a queue does that preempts, and let go on after so many seconds."""
    _edit(world, {"suspend": True})
    world.loop.after(incident.value, _edit, world, {"suspend": False})


def _cancel(world: "World", _: "Incident") -> None:
    _edit(world, {"cancel": True})


def _max_restarts(world: "World", incident: "Incident") -> None:
    _edit(world, {"maxRestarts": incident.value})


def _nodes(world: "World", incident: "Incident") -> None:
    _edit(world, {"torch": {"nodes": incident.value}})


def _delete_job(world: "World", _: "Incident") -> None:
    if world.server.find(JOBS, world.namespace, JOB) is not None:
        world.server.delete(JOBS, world.namespace, JOB)
        world.settle()


def _replace_job(world: "World", incident: "Incident") -> None:
    """Delete the job and make another of the same name right away."""
    if world.server.find(JOBS, world.namespace, JOB) is not None:
        _delete_job(world, incident)
        world.submit(JOB)


def _end(world: "World", incident: "Incident") -> None:
    world.kubelet.end(incident.on, incident.value)


def _out_of_memory(world: "World", incident: "Incident") -> None:
    world.kubelet.end(incident.on, 137, "OOMKilled")


def _evict(world: "World", incident: "Incident") -> None:
    world.kubelet.evict(incident.on)


def _preempt(world: "World", incident: "Incident") -> None:
    world.kubelet.delete(incident.on, "PreemptionByScheduler", None)


def _drain(world: "World", incident: "Incident") -> None:
    world.kubelet.delete(incident.on, "EvictionByEvictionAPI", None)


def _delete_pod(world: "World", incident: "Incident") -> None:
    world.kubelet.delete(incident.on, "", incident.value)


def _lose_node(world: "World", incident: "Incident") -> None:
    """Let a node fall silent; it comes back after `value` seconds, or somebody removes it an hour later.

    The pods of a job that is gone are nobody's to remove by force: they stay for as long as their node does.
    """
    world.kubelet.lose(incident.on)
    if incident.value is not None:
        world.loop.after(incident.value, world.kubelet.come_back, incident.on)
    else:
        world.loop.after(3600.0, world.kubelet.remove_node, incident.on)


def _hide(world: "World", incident: "Incident") -> None:
    """Take away the label by which the operator's watch finds a pod; after so many seconds it is there again."""
    for play in world.kubelet.of(incident.on):
        _label(world, play, None)
        world.loop.after(incident.value, _label, world, play, JOB)


def _label(world: "World", play: "Play", value: str | None) -> None:
    found = world.server.find(PODS, play.namespace, play.name)
    if found is not None and found["metadata"]["uid"] == play.uid and play.name.startswith(JOB):
        world.server.patch(PODS, play.namespace, play.name, {"metadata": {"labels": {LABEL_JOB: value}}})
        world.settle()


def _delete_service(world: "World", incident: "Incident") -> None:
    """Delete the job's Service, or another one that is named."""
    name = incident.on or JOB
    if world.server.find(SERVICES, world.namespace, name) is not None:
        world.server.delete(SERVICES, world.namespace, name)
        world.settle()


def _board(world: "World", incident: "Incident") -> None:
    """Turn the TensorBoard on or off."""
    _edit(world, {"tensorboard": {"enabled": bool(incident.value)}})


def _quota(world: "World", incident: "Incident") -> None:
    """Allow no further pods for so many seconds."""
    world.server.set_pod_quota(world.namespace, 0)
    world.loop.after(incident.value, world.server.set_pod_quota, world.namespace, None)


def _crash(world: "World", incident: "Incident") -> None:
    world.crash(incident.value)


def _jump(world: "World", incident: "Incident") -> None:
    """Let the clock of the operator's machine jump by so many seconds."""
    world.clock_offset += int(incident.value)


def _lag(world: "World", incident: "Incident") -> None:
    """Let a watch say nothing for so many seconds."""
    world.hold(incident.on, incident.value)


def _gone(world: "World", incident: "Incident") -> None:
    """Break a watch; after so many seconds it is found to be too old, and everything is listed."""
    world.break_watch(incident.on, incident.value)


ACTIONS: Final[Mapping[str, Action]] = {
    "suspend": _suspend,
    "toggle": _toggle,
    "cancel": _cancel,
    "max-restarts": _max_restarts,
    "nodes": _nodes,
    "delete-job": _delete_job,
    "replace-job": _replace_job,
    "end": _end,
    "oom": _out_of_memory,
    "evict": _evict,
    "preempt": _preempt,
    "drain": _drain,
    "delete-pod": _delete_pod,
    "lose-node": _lose_node,
    "hide-pod": _hide,
    "delete-service": _delete_service,
    "board": _board,
    "quota": _quota,
    "crash": _crash,
    "jump": _jump,
    "lag": _lag,
    "gone": _gone,
}
