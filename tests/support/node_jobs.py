"""Jobs of every kind for real nodes: they train for ever in their first attempt and end well in the next."""

from typing import Any

from devtools.deploy import example_image
from tests.support.user import User

Spec = dict[str, Any]

PLAIN = example_image("sklearn-digits")
HERE = "trainingjob.dev/test-place"
"""A label that the fixture `places` puts on the node that is to be lost."""
DONE = "/tmp/done"  # noqa: S108 - in a container of its own
UNTIL_DONE = f"import os, time\nwhile not os.path.exists({DONE!r}): time.sleep(0.2)"
"""A program that ends well when a file of its own pod appears."""
ONCE_AGAIN = "import os, time; time.sleep(3600 if os.environ['TRAININGJOB_ATTEMPT'] == '0' else 0)"
SLEEP = "import time; time.sleep(3600)"
_ENDLESS_AT_FIRST = "$(( TRAININGJOB_ATTEMPT == 0 ? 3600 : 1 ))"


def python(program: str = ONCE_AGAIN, **spec: Any) -> Spec:
    """Return the spec of a job that runs a Python program."""
    own = {"image": PLAIN, "imagePullPolicy": "IfNotPresent", "command": ["python", "-c", program]}
    return {**own, "stopGraceSeconds": 5, **spec}


def mpi(**spec: Any) -> Spec:
    """Return the spec of a real MPI job of two workers with a rank each."""
    command = ["sh", "-c", f"exec python /app/allreduce.py --hosts 2 --seconds {_ENDLESS_AT_FIRST}"]
    own = {"image": example_image("mpi-allreduce"), "command": command, "mpi": {"nodes": 2}}
    return python(**{**own, **spec})


def torch(**spec: Any) -> Spec:
    """Return the spec of a real PyTorch job of two nodes with a process each."""
    train = "exec /usr/bin/python3 /app/train.py --checkpoints /tmp/checkpoints --seconds-per-epoch 0.5"
    command = ["sh", "-c", f"{train} --epochs {_ENDLESS_AT_FIRST}"]
    return python(**{"image": example_image("pytorch-ddp"), "command": command, "torch": {"nodes": 2}, **spec})


def elastic(epochs: int, **spec: Any) -> Spec:
    """Return the spec of a real elastic PyTorch job of one or two nodes, with about an epoch each second."""
    train = ["/usr/bin/python3", "/app/train.py", "--checkpoints=/tmp/checkpoints", "--seconds-per-epoch=1"]
    group = {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 2}}
    env = [{"name": "OMP_NUM_THREADS", "value": "1"}]
    command = [*train, f"--epochs={epochs}"]
    return python(**{"image": example_image("pytorch-ddp"), "command": command, "torch": group, "env": env, **spec})


def spread() -> list[dict[str, Any]]:
    """Return what puts the pods of a job on both nodes, and on one while the other is gone."""
    rule = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    return [{**rule, "nodeTaintsPolicy": "Honor"}]


def release(user: User, *pods: str) -> None:
    """Let programs that wait until they are done end well."""
    for pod in pods:
        user.kubectl("exec", pod, "--", "touch", DONE)


def counts(status: dict[str, Any]) -> tuple[int, int, int]:
    """Return attempt, restarts and disruptions."""
    return status["attempt"], status["restarts"], status["disruptions"]


def nodes_of(user: User, job: str) -> dict[str, str]:
    """Return the node of each pod of a job."""
    return {name: pod["spec"].get("nodeName", "") for name, pod in user.pods(job).items()}
