"""The operator at work on one namespace, with a fake kubelet at its side."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.cluster import Cluster
from tests.support.fake_kubelet import FakeKubelet, Run, Script
from tests.support.operator_process import OperatorProcess, operator
from tests.support.user import User, wait_until

IMAGE = "registry.example.com/mnist:1.0"
PARAMETER_SERVER = {"image": IMAGE, "command": ["python", "train.py"], "parameterServer": {"workers": 2, "servers": 1}}
"""Two workers and a server."""


@dataclass(frozen=True)
class Operated:
    """What a test acts through."""

    user: User
    kubelet: FakeKubelet
    process: OperatorProcess

    def events(self, job: str) -> list[tuple[str, str]]:
        """Return type and reason of the Events of a job in the order of their writing."""
        text = self.user.kubectl(
            "get",
            "events",
            "--field-selector",
            f"involvedObject.name={job},involvedObject.kind=TrainingJob",
            "-o",
            "json",
        )
        found = sorted(json.loads(text)["items"], key=lambda e: int(e["metadata"]["resourceVersion"]))
        return [(event["type"], event["reason"]) for event in found]

    def condition(self, job: str, kind: str) -> dict[str, Any]:
        """Return a condition of a job; empty when it has none of this type."""
        conditions = self.user.status(job).get("conditions", [])
        return next((dict(c) for c in conditions if c["type"] == kind), {})

    def counts(self, job: str) -> tuple[int, int, int]:
        """Return attempt, restarts and disruptions of a job."""
        status = self.user.status(job)
        return status["attempt"], status["restarts"], status["disruptions"]

    def settle(self, job: str) -> dict[str, Any]:
        """Wait until a finished job's deletes are done and its last status is written, and return the job."""
        wait_until(
            lambda: (self.user.job(job), self.user.pods(job)),
            lambda seen: not _pending(*seen),
            seconds=60,
        )
        return self.user.job(job)


def _pending(job: dict[str, Any], pods: dict[str, Any]) -> bool:
    replicas = job["status"].get("replicas", {})
    return any("deletionTimestamp" in pod["metadata"] for pod in pods.values()) or any(
        counts["active"] for counts in replicas.values()
    )


@contextmanager
def operated(cluster: Cluster, user: User, folder: Path, script: Script, *flags: str) -> Iterator[Operated]:
    """Run operator and fake kubelet for the user's namespace."""
    quick = ("--status-interval", "1")
    with (
        FakeKubelet(cluster.kubeconfig, user.namespace, script) as kubelet,
        operator(cluster.kubeconfig, folder, user.namespace, *quick, *flags) as process,
    ):
        process.wait_until_ready()
        yield Operated(user, kubelet, process)


def by_name(**runs: Run | tuple[Run, ...]) -> Script:
    """Return a script by the end of the pods' names: `by_name(ps_0=Run(None), worker_1=Run(3))`; others succeed.

    Of several runs the first is that of the first pod of its name, and so on; the last is that of all that follow.
    """
    endings = {name.replace("_", "-"): run for name, run in runs.items()}
    met: dict[str, list[str]] = {}

    def script(pod: dict[str, Any]) -> Run:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        run = next((run for ending, run in endings.items() if f"-{name}".endswith(f"-{ending}")), Run())
        if isinstance(run, Run):
            return run
        uids = met.setdefault(name, [])
        if uid not in uids:
            uids.append(uid)
        return run[min(uids.index(uid), len(run) - 1)]

    return script
