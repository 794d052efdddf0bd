"""Worlds of jobs that keep artifacts, and what their sidecars say."""

import json
from typing import Any
from unittest.mock import patch
from dataclasses import replace

from tests.support.world import World
from trainingjob.reconcile import Sidecar, reconciler
from trainingjob.plan import plan_job
from trainingjob.api.spec import Role

DIGEST = "ab" * 32
STORE = "s3://bucket/runs"
ALL = False


class KeepingWorld(World):
    every = False

    def _decide(self, children: Any) -> Any:
        def plan(job: Any, options: Any) -> Any:
            found = plan_job(job, options)
            first = next((r for r in found.replicas if r.role is Role.CHIEF), None) or next(
                r for r in found.replicas if r.role is Role.WORKER
            )
            return replace(
                found,
                uploads=lambda r: self.every or r == first,
                flush_seconds=600,
                artifact_prefix=lambda r, a: f"{STORE}/team/mnist/{job.uid}/{a}/{r.role}-{r.index}",
            )

        with patch.object(reconciler, "plan_job", plan):
            return super()._decide(children)

    def _create(self, action: Any) -> None:
        super()._create(action)
        if action.kind == "Pod":
            self.pods[action.name] = replace(self.pods[action.name], artifacts=Sidecar())


def keeping(*, every: bool = False, **spec: Any) -> World:
    """Return a world whose job has run for a minute and keeps what its primary, or every replica, writes."""
    world = KeepingWorld(**spec)
    world.every = every
    world.settle()
    world.start()
    world.settle()
    world.wait(60)
    return world


def prefix(name: str, attempt: int = 0) -> str:
    """Return the folder of a pod's artifact."""
    replica = name.removeprefix("mnist-")
    return f"{STORE}/team/mnist/11111111-2222-4333-8444-555555555555/{attempt}/{replica}"


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
