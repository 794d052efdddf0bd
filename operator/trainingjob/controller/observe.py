"""From the API server's objects to the small values that decisions are made from."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from sys import intern
from typing import Any, Final

from trainingjob.api.constants import (
    LABEL_ATTEMPT,
    LABEL_INDEX,
    LABEL_JOB,
    LABEL_ROLE,
    MAIN_CONTAINER,
    PREPARE_CONTAINER,
)
from trainingjob.api.times import parse_time
from trainingjob.controller.observe_ours import read_fetched, read_preparing, read_sidecar
from trainingjob.reconcile.observed import MainContainer, ObservedPod, ObservedService

Body = Mapping[str, Any]

MESSAGE_LIMIT: Final = 2000
"""Characters that are kept of a message; the kubelet keeps 4,096 bytes of a program's last words."""

_ORDINARY_WAITING: Final = frozenset({"", "PodInitializing", "ContainerCreating"})


def read_pod(body: Body) -> ObservedPod:
    """Read a pod; what its status does not say yet is empty.

    Raises:
        KeyError: when the object lacks metadata that every stored object has.
    """
    metadata, status = body["metadata"], body.get("status") or {}
    labels = metadata.get("labels") or {}
    created = parse_time(metadata["creationTimestamp"])
    main_status = _named(status.get("containerStatuses"), MAIN_CONTAINER)
    main = _main(main_status, created)
    unscheduled = _condition(status, "PodScheduled", "False")
    disrupted = _condition(status, "DisruptionTarget", "True")
    begun = main.started is not None or main.ended is not None
    every_init = status.get("initContainerStatuses") or ()
    init_statuses = () if begun else every_init
    spec = body.get("spec") or {}
    preparing = _without_sidecars(body, init_statuses)
    init_name, init_end = _bad_end(preparing)
    return ObservedPod(
        namespace=intern(metadata["namespace"]),
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        owner_uid=intern(_controller_uid(metadata)),
        job=intern(labels.get(LABEL_JOB, "")),
        role=intern(labels.get(LABEL_ROLE, "")),
        index=_number(labels.get(LABEL_INDEX), missing=-1),
        attempt=_number(labels.get(LABEL_ATTEMPT), missing=0),
        phase=intern(status.get("phase") or "Pending"),
        created=created,
        deleting="deletionTimestamp" in metadata,
        ready=bool(main_status.get("ready")) and main.ended is None,
        main=main,
        reason=intern(status.get("reason") or ""),
        message=_head(status.get("message")),
        unschedulable=_head(unscheduled.get("message")),
        scheduling_reason=intern(unscheduled.get("reason") or ""),
        others_running=_others_running(status.get("containerStatuses") or ()),
        init_trouble=_init_failure(init_name, init_end) if init_end else _init_waiting(init_statuses),
        init_name=intern(init_name),
        init_exit_code=init_end.get("exitCode"),
        init_message=_tail(init_end.get("message")),
        conditions=_conditions(status),
        disruption=intern(disrupted.get("reason") or ""),
        disruption_message=_head(disrupted.get("message")),
        gone_by=_moment(metadata.get("deletionTimestamp")),
        deleted_at=_deleted_at(metadata, spec),
        init_running=any("running" in (found.get("state") or {}) for found in preparing),
        preparing=read_preparing(preparing),
        prepared=_prepared(every_init, created, _moment(status.get("startTime"))),
        fetched=read_fetched(every_init),
        artifacts=read_sidecar(spec, every_init),
        stopped=spec.get("activeDeadlineSeconds") is not None,
    )


def read_service(body: Body) -> ObservedService:
    """Read a Service.

    Raises:
        KeyError: when the object lacks metadata that every stored object has.
    """
    metadata = body["metadata"]
    return ObservedService(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        owner_uid=_controller_uid(metadata),
        job=(metadata.get("labels") or {}).get(LABEL_JOB, ""),
        deleting="deletionTimestamp" in metadata,
    )


def controller_of(body: Body) -> Mapping[str, Any]:
    """Return the owner reference of an object's controller; empty when it has none."""
    owners: Iterable[Mapping[str, Any]] = body["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def _controller_uid(metadata: Body) -> str:
    return str(controller_of({"metadata": metadata}).get("uid", ""))


def _deleted_at(metadata: Body, spec: Body) -> datetime | None:
    gone_by = _moment(metadata.get("deletionTimestamp"))
    # With its last delete, of no grace, the kubelet puts the moment forward to the present one.
    grace = metadata.get("deletionGracePeriodSeconds") or spec.get("terminationGracePeriodSeconds") or 0
    return gone_by - timedelta(seconds=grace) if gone_by else None


def _prepared(statuses: Iterable[Body], created: datetime, acknowledged: datetime | None) -> datetime | None:
    """Return when the container that waits for other pods had ended, by the API server's clock."""
    state = _named(statuses, PREPARE_CONTAINER).get("state") or {}
    end = state.get("terminated") or {}
    ended = None if end.get("exitCode") else _moment(end.get("finishedAt"))
    # A node whose kubelet has heard of the pod before there was one has a clock that is slow.
    slow = created - acknowledged if acknowledged and acknowledged < created else timedelta()
    return ended + slow if ended else None


def _main(status: Body, created: datetime) -> MainContainer:
    state = status.get("state") or {}
    if ended := state.get("terminated"):
        # A container that was lost with its node has no times; that it ended must not be lost with them.
        started, finished = _moment(ended.get("startedAt")), _moment(ended.get("finishedAt"))
        return MainContainer(
            started=started,
            ended=finished or started or created,
            exit_code=ended.get("exitCode"),
            reason=intern(ended.get("reason") or ""),
            message=_tail(ended.get("message")),
        )
    if running := state.get("running"):
        return MainContainer(started=_moment(running.get("startedAt")) or created)
    waiting = state.get("waiting") or {}
    return MainContainer(reason=intern(waiting.get("reason") or ""), message=_head(waiting.get("message")))


def _others_running(statuses: Iterable[Body]) -> bool:
    return any(status.get("name") != MAIN_CONTAINER and "running" in (status.get("state") or {}) for status in statuses)


def _without_sidecars(body: Body, statuses: Iterable[Body]) -> list[Body]:
    """Return the statuses of what runs before `main`: native sidecars stand among it and run beside `main`."""
    containers = (body.get("spec") or {}).get("initContainers") or ()
    sidecars = {container["name"] for container in containers if container.get("restartPolicy") == "Always"}
    return [status for status in statuses if status.get("name") not in sidecars]


def _bad_end(statuses: Iterable[Body]) -> tuple[str, Body]:
    """Return name and end of the init container that failed; empty when none did."""
    for status in statuses:
        end = (status.get("state") or {}).get("terminated") or {}
        if end.get("exitCode"):
            return status.get("name", ""), end
    return "", {}


def _init_failure(name: str, end: Body) -> str:
    what = f"init container {name!r} ended with exit code {end['exitCode']}"
    return _sentence(end.get("reason") or "Error", what, end.get("message"))


def _init_waiting(statuses: Iterable[Body]) -> str:
    for status in statuses:
        waiting = (status.get("state") or {}).get("waiting") or {}
        if (reason := waiting.get("reason") or "") not in _ORDINARY_WAITING:
            return _sentence(reason, f"init container {status.get('name', '')!r}", waiting.get("message"))
    return ""


def _sentence(reason: str, what: str, message: str | None) -> str:
    words = (message or "").strip()
    return _head(f"{reason}: {what}: {words}" if words else f"{reason}: {what}")


def _conditions(status: Body) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (intern(c.get("type") or ""), intern(c.get("status") or ""), intern(c.get("reason") or ""))
        for c in status.get("conditions") or ()
    )


def _condition(status: Body, kind: str, value: str) -> Body:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == value:
            return dict(condition)
    return {}


def _named(statuses: Iterable[Body] | None, name: str) -> Body:
    return next((status for status in statuses or () if status.get("name") == name), {})


def _moment(text: str | None) -> datetime | None:
    # The kubelet writes the epoch for a container that was created and never started.
    moment = parse_time(text) if text else None
    return moment if moment and moment.year > 1970 else None


def _number(text: str | None, *, missing: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) <= 9 else missing


def _head(message: str | None) -> str:
    return (message or "")[:MESSAGE_LIMIT]


def _tail(message: str | None) -> str:
    return (message or "")[-MESSAGE_LIMIT:]
