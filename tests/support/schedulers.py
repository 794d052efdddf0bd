"""Real schedulers for gangs as processes of this machine, and a node that exists only on paper."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from devtools.cluster import Cluster
from devtools.third_party import SCHEDULER_PLUGINS, build_program
from tests.support.user import User, wait_until

GPU = "example.com/gpu"
_STOP_SECONDS = 30
_TRIED_AGAIN_AFTER = "10s"
"""When pods that found no node are tried again whatever has happened, instead of five minutes.

The scheduler misses at times that there is room for a group by now:
https://github.com/kubernetes-sigs/scheduler-plugins/issues/397.
"""


def give_gpus(user: User, count: int) -> None:
    """Let the fake kubelet's node have so many GPUs."""
    names = wait_until(lambda: user.kubectl("get", "nodes", "-o", "name").split(), bool, 30)
    amounts = {GPU: str(count), "cpu": "64", "memory": "64Gi", "pods": "1000"}
    patch = json.dumps({"status": {"capacity": amounts, "allocatable": amounts}})
    for name in names:
        user.kubectl("patch", name, "--subresource=status", "--type=merge", "-p", patch)


@contextmanager
def coscheduling(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Run the scheduler of scheduler-plugins with its plugin Coscheduling.

    Raises:
        AssertionError: when it has ended before the block has.
    """
    profile: dict[str, Any] = {
        "schedulerName": "scheduler-plugins-scheduler",
        "plugins": {
            "multiPoint": {"enabled": [{"name": "Coscheduling"}]},
            "queueSort": {"enabled": [{"name": "Coscheduling"}], "disabled": [{"name": "*"}]},
        },
        "pluginConfig": [{"name": "Coscheduling", "args": {"permitWaitingTimeSeconds": 10}}],
    }
    config = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"kubeconfig": str(cluster.kubeconfig)},
        "profiles": [profile],
    }
    path, log = folder / "scheduler.yaml", folder / "scheduler.log"
    path.write_text(yaml.safe_dump(config))
    program = build_program(SCHEDULER_PLUGINS, "cmd/scheduler", expected=400)
    again = f"--pod-max-in-unschedulable-pods-duration={_TRIED_AGAIN_AFTER}"
    words: list[str | Path] = [program, f"--config={path}", "--secure-port=0", "--v=2", again]
    with log.open("ab") as stream:
        process = subprocess.Popen(words, stdout=stream, stderr=stream, start_new_session=True)
    try:
        yield
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)
