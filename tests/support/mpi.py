"""An MPI job of a launcher and three workers, and how a fake kubelet plays it."""

from dataclasses import replace

from tests.support.fake_kubelet import Run, Script
from tests.support.operating import IMAGE
from tests.support.user import Object

MPI = {"image": IMAGE, "command": ["train"], "mpi": {"nodes": 3}}


def workers(job: str) -> tuple[str, ...]:
    """Return the names of the workers' pods."""
    return tuple(f"{job}-worker-{index}" for index in range(3))


def mpi_script(launcher: Run, worker_seconds: float = 0.3) -> Script:
    """Let workers serve after some seconds, until they are stopped, and the launcher do this once they are ready."""

    def script(pod: Object) -> Run:
        labels = pod["metadata"]["labels"]
        if labels["trainingjob.dev/role"] == "launcher":
            return replace(launcher, init_after=workers(labels["trainingjob.dev/job"]))
        return Run(exit_code=None, probe_seconds=worker_seconds)

    return script
