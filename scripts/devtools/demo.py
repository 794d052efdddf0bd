"""The first command of the README: a real cluster, the operator, a training job, and what became of it."""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from devtools.cluster import Cluster, ClusterError, down
from devtools.deploy import bring_up, install
from devtools.paths import REPOSITORY
from devtools.progress import Progress, StepFailed
from devtools.shell import CommandFailed, run

_EXAMPLE = "tensorflow-parameter-server"
_STOPPED = "trainingjob.dev/role in (ps, worker)"
_PATIENCE_SECONDS = 600.0


def main() -> int:
    """Run the demonstration and return 0 when the job has succeeded."""
    arguments = _arguments()
    progress = Progress("demo")
    try:
        if arguments.remove:
            down(name=arguments.name)
            return 0
        cluster = bring_up(arguments.name, 1, [_EXAMPLE], progress, tensorboard=False)
        install(cluster, progress)
        return _train(cluster, arguments.name, progress)
    except (StepFailed, ClusterError, CommandFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; run the same command again to go on.", file=sys.stderr)
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--name", default="demo", help="the cluster's name (default: demo)")
    parser.add_argument("--remove", action="store_true", help="remove the cluster and everything in it")
    return parser.parse_args()


def _train(cluster: Cluster, name: str, progress: Progress) -> int:
    manifest = REPOSITORY / "examples" / _EXAMPLE / "job.yaml"
    environment = cluster.environment()
    with progress.step(f"kubectl apply -f examples/{_EXAMPLE}/job.yaml", 10):
        # A job runs once; the same manifest again is a new run only when the old one has gone.
        run(["kubectl", "delete", "--ignore-not-found", "--wait", "-f", manifest], env=environment)
        run(["kubectl", "apply", "-f", manifest], env=environment)
    job = _follow(cluster, progress)
    with progress.step("the parameter server and the workers are stopped", 5):
        run(["kubectl", "wait", "--for=delete", "pods", "-l", _STOPPED, "--timeout=60s"], env=environment)
    print(run(["kubectl", "get", "tjob,pods", "-o", "wide"], env=environment))
    print(run(["kubectl", "events", "--for", f"trainingjob/{job['metadata']['name']}"], env=environment))
    succeeded = job["status"]["phase"] == "Succeeded"
    progress.say(f"The job has ended: {job['status']['phase']}. {job['status'].get('message', '')}")
    _say_what_next(name, job["metadata"]["name"])
    return 0 if succeeded else 1


def _follow(cluster: Cluster, progress: Progress) -> dict[str, Any]:
    """Print each change of the status, and the primary's log from its start, until the job has ended."""
    environment = cluster.environment()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    told, logs = "", None
    while time.monotonic() < deadline:
        (job,) = json.loads(run(["kubectl", "get", "tjob", "-o", "json"], env=environment))["items"]
        status = job.get("status", {})
        line = " ".join(str(status.get(name, "-")) for name in ("phase", "ready", "reason", "message"))
        if line != told:
            progress.say(line)
            told = line
        if logs is None and status.get("phase") == "Running":
            logs = _stream(cluster, f"{job['metadata']['name']}-chief-0")
        if any(c["type"] == "Finished" and c["status"] == "True" for c in status.get("conditions", [])):
            _close(logs)
            return dict(job)
        time.sleep(1)
    _close(logs)
    raise ClusterError(f"The job has not ended within {_PATIENCE_SECONDS:.0f} s; its last status was: {told}")


def _stream(cluster: Cluster, pod: str) -> subprocess.Popen[bytes]:
    words = ["kubectl", "logs", "--follow", "--prefix", pod]
    return subprocess.Popen(words, env=cluster.full_environment(), stderr=subprocess.DEVNULL)


def _close(logs: subprocess.Popen[bytes] | None) -> None:
    if logs is None:
        return
    try:
        logs.wait(timeout=10)
    except subprocess.TimeoutExpired:
        logs.terminate()
        logs.wait()


def _say_what_next(cluster: str, job: str) -> None:
    option = "" if cluster == "default" else f" --name {cluster}"
    print(
        f"""
What next:
  eval "$(./scripts/cluster env{option})"    # kubectl and helm for this cluster
  kubectl get tjob                           # the job in one line
  kubectl describe tjob {job}          # its story
  kubectl logs {job}-chief-0           # what the program printed
  less examples/README.md                    # more programs, and how to run them here
  ./scripts/demo                             # the same again, much faster
  ./scripts/demo --remove                    # remove the cluster and everything in it
"""
    )


if __name__ == "__main__":
    sys.exit(main())
