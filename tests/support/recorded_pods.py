"""Statuses of pods as a real cluster wrote them: how they are kept, and how they are read again.

Each file says on which Kubernetes it was taken and what had been done. `python -m tests.kubelet.capture` writes them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from devtools.paths import REPOSITORY
from trainingjob.api.times import format_time, parse_time

Body = dict[str, Any]

FOLDER = REPOSITORY / "tests" / "data" / "pod_statuses"
_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_DELETION = ("deletionTimestamp", "deletionGracePeriodSeconds")
_CONDITION = ("type", "status", "reason", "message")
_CONTAINER = ("name", "ready", "started", "restartCount", "state")
_TIMES = ("startedAt", "finishedAt", "deletionTimestamp")
_ORDINARY = ("", "ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class Recording:
    """What became of one pod.

    Attributes:
        kubernetes: the version of the cluster.
        done: what had been done to the pod.
        seen: metadata, spec and status when it was first seen in trouble, and when it was last seen.
    """

    name: str
    kubernetes: str
    done: str
    seen: tuple[Body, ...]

    def write(self) -> None:
        """Keep it in its file."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        body = {"kubernetes": self.kubernetes, "done": self.done, "seen": self.seen}
        (FOLDER / f"{self.name}.json").write_text(json.dumps(body, indent=1) + "\n")


def recordings() -> list[Recording]:
    """Return everything that is kept, by name."""
    return [_read(path.stem, json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]


def _read(name: str, body: Mapping[str, Any]) -> Recording:
    return Recording(name, body["kubernetes"], body["done"], tuple(body["seen"]))


def telling(versions: Iterable[Body]) -> tuple[Body, ...]:
    """Return the first and the last of a pod's stored versions that show trouble or an end, trimmed."""
    kept: list[Body] = []
    for version in filter(_tells, versions):
        trimmed = trim(version)
        if not kept or trimmed != kept[-1]:
            kept.append(trimmed)
    return tuple(kept if len(kept) <= 2 else [kept[0], kept[-1]])


def _tells(pod: Body) -> bool:
    status = pod.get("status") or {}
    states = [found.get("state") or {} for kind in _statuses(status) for found in status.get(kind) or ()]
    waits = any((state.get("waiting") or {}).get("reason", "") not in _ORDINARY for state in states)
    return waits or "deletionTimestamp" in pod["metadata"] or status.get("phase") in ("Failed", "Succeeded")


def _statuses(status: Mapping[str, Any]) -> list[str]:
    return [kind for kind in ("initContainerStatuses", "containerStatuses") if kind in status]


def trim(pod: Body) -> Body:
    """Return what of a pod tells of its end, as if it had been created at the beginning of 2026."""
    shift = _CREATED - parse_time(pod["metadata"]["creationTimestamp"])
    status = pod.get("status") or {}
    kept: Body = {key: status[key] for key in ("phase", "reason", "message") if key in status}
    kept["conditions"] = [_only(found, _CONDITION) for found in status.get("conditions") or ()]
    for kind in _statuses(status):
        kept[kind] = [_only(found, _CONTAINER) for found in status[kind] or ()]
    spec: Body = {"terminationGracePeriodSeconds": pod["spec"]["terminationGracePeriodSeconds"]}
    if found := pod["spec"].get("initContainers"):
        spec["initContainers"] = [_only(container, ("name", "restartPolicy")) for container in found]
    trimmed: Body = {"metadata": _only(pod["metadata"], _DELETION), "spec": spec, "status": kept}
    moved: Body = _shifted(trimmed, shift)
    return moved


def _only(body: Mapping[str, Any], keys: Iterable[str]) -> Body:
    return {key: body[key] for key in keys if key in body}


def _shifted(value: Any, shift: timedelta) -> Any:
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key != "containerID"}
        return {key: _moved(item, shift) if key in _TIMES else _shifted(item, shift) for key, item in kept.items()}
    return [_shifted(item, shift) for item in value] if isinstance(value, list) else value


def _moved(text: str | None, shift: timedelta) -> str | None:
    moment = parse_time(text) if text else None
    return format_time(moment + shift) if moment and moment.year > 1970 else text
