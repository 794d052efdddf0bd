"""Worlds of jobs that keep artifacts, and what their sidecars say."""

import json
from collections.abc import Mapping
from typing import Any

from tests.support.builders import JOB_UID
from tests.support.playing import running
from tests.support.world import World
from trainingjob.reconcile import Sidecar

DIGEST = "ab" * 32
EVERY: Mapping[str, Any] = {"replicas": "All"}
"""That every replica uploads, and not the primary alone."""
STORE = "s3://bucket/runs"


def keeping(outputs: Mapping[str, Any] | None = None, **spec: Any) -> World:
    """Return a world whose job has run for a minute and keeps what it writes."""
    return running(outputs={"uri": STORE, **(outputs or {})}, workingDir="/app", **spec)


def prefix(name: str, attempt: int = 0) -> str:
    """Return the folder of a pod's artifact."""
    replica = name.removeprefix("mnist-")
    return f"{STORE}/team/mnist/{JOB_UID}/{attempt}/{replica}"


def report(name: str, **fields: Any) -> str:
    """Return what the sidecar of a pod says when everything is uploaded, but for these fields."""
    whole = {"v": 1, "uri": prefix(name), "sha256": DIGEST, "files": 3, "bytes": 4096, "complete": True, "problem": ""}
    return json.dumps({**whole, **fields}, separators=(",", ":"))


def uploaded(world: World, name: str, said: str | None = None, code: int = 0, reason: str = "") -> None:
    """Let the sidecar of a pod end; without other words it has uploaded everything."""
    words = report(name) if said is None else said
    word = reason or ("Error" if code else "Completed")
    main = world.pods[name].main
    phase = "Running" if main.ended is None else "Failed" if main.exit_code else "Succeeded"
    world.change(name, phase=phase, artifacts=Sidecar(ended=True, exit_code=code, reason=word, report=words))
