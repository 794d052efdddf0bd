"""What can be seen of a run on a real kubelet: its metrics, and what its program prints."""

import json
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support import package_index
from tests.support.artifact_jobs import Keeper
from tests.support.node_jobs import DONE, release
from tests.support.node_processes import pod_processes
from tests.support.object_store import ObjectServer
from tests.support.user import Object, RefusedError, User, wait_until
from trainingjob.contract.names import CAPTURED_FILE, METRICS_FILE, METRICS_PORT

pytestmark = pytest.mark.kubelet

POD = "digits-worker-0"
LOG = f"""
import os, time, trainingjob, ourmodels

step = 0
while step < 10 or not os.path.exists({DONE!r}):
    step += 1
    trainingjob.log("train/loss", 1 / step, step)
    with open(os.environ["TRAININGJOB_METRICS"], "a") as file:
        file.write("hostile\\n")
    time.sleep(0.2)
trainingjob.log("accuracy", 0.5)
print("steps", step, flush=True)
"""
PRINT = """
import os, signal, sys, time

for number in range(300):
    print("out", number, flush=True)
    print("err", number, file=sys.stderr, flush=True)
time.sleep(1)
# More than the kubelet takes for last words, so that no reader's chance has a part in them.
for number in range(60):
    os.write(1, b"out a line ")
    os.write(1, f"in two parts, the last words of all: ü {number}\\n".encode())
time.sleep(1)
match sys.argv[1]:
    case "end with a code":
        sys.exit(3)
    case "raise":
        raise RuntimeError("the loss is no number")
    case "be killed":
        os.kill(os.getpid(), signal.SIGKILL)
    case "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    case "use up memory":
        taken = [bytearray(b"x" * 1024 ** 2) for _ in range(10_000)]
    case "leave something behind":
        if os.fork() == 0:
            time.sleep(3600)
    case "handle SIGTERM":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("out bye", flush=True) or 5))
        time.sleep(3600)
    case "ignore SIGTERM":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    case "wait":
        time.sleep(3600)
"""
"""Prints on both outputs, on one of them at the end, and then does as its argument says."""
JOBS = {"alone": False, "copied": True}


@pytest.fixture
def keeper(cluster: Cluster, user: User, tmp_path: Path) -> Iterator[Keeper]:
    """Return a person who has a store, which pods reach."""
    with ObjectServer(tmp_path / "store", cluster.host_address) as store:
        yield Keeper(user, store, cluster.host_address)


def newest(address: str) -> list[dict[str, Any]]:
    """Return the metrics that a pod serves; none before it does."""
    try:
        with urllib.request.urlopen(f"http://{address}:{METRICS_PORT}/metrics.json", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
    except OSError:
        return []
    return found


def test_metrics_are_served_while_the_program_runs_and_stand_in_the_status_and_the_artifact_at_its_end(
    cluster: Cluster, keeper: Keeper, tmp_path: Path
) -> None:
    user = keeper.user
    with package_index.serving(cluster.host_address) as index:
        index.add_wheel("ourmodels", "1.5")
        environment = {"pip": ["ourmodels"], "indexUrl": index.url}
        keeper.run("digits", LOG, environment=environment, outputs={"captureOutput": True})
        user.wait_for_phase("digits", "Running")
    address = user.pods("digits")[POD]["status"]["podIP"]
    (loss,) = wait_until(lambda: newest(address), lambda found: any(item["step"] > 10 for item in found), 120)
    assert loss["value"] == 1 / loss["step"]
    assert not user.status("digits").get("metrics")

    release(user, POD)
    status = user.wait_finished("digits", seconds=120)
    assert status["phase"] == "Succeeded", status
    (said,) = user.kubectl("logs", POD).splitlines()
    last = int(said.split()[1])
    assert status["metrics"] == [
        {"name": "accuracy", "value": 0.5},
        {"name": "train/loss", "value": 1 / last, "step": last},
    ]
    (artifact,) = status["artifacts"]
    logs = keeper.download(artifact, tmp_path / "copy") / "logs"
    assert (logs / CAPTURED_FILE).read_text() == f"{said}\n"
    kept = (logs / METRICS_FILE).read_text().splitlines()
    history = [json.loads(line) for line in kept if line != "hostile"]
    assert [(line["name"], line.get("step")) for line in history] == [
        *(("train/loss", step) for step in range(1, last + 1)),
        ("accuracy", None),
    ]


def run_both(keeper: Keeper, what: str) -> None:
    """Run the same program without a copy of what it prints, and with one."""
    resources = {"requests": {"memory": "100Mi"}, "limits": {"memory": "200Mi"}}
    for name, copies in JOBS.items():
        outputs = {"captureOutput": copies, "flushSeconds": 4}
        keeper.run(name, PRINT, what, maxRestarts=0, resources=resources, outputs=outputs)


def compare(keeper: Keeper, folder: Path) -> Object:
    """Compare the ends of the two, and what was printed with the copy of it; return the state of the main container."""
    found = []
    for name, copies in JOBS.items():
        status = keeper.user.wait_finished(name, seconds=240)
        pod = keeper.user.pods(name)[f"{name}-worker-0"]
        (main,) = pod["status"]["containerStatuses"]
        state = {key: main["state"]["terminated"].get(key) for key in ("exitCode", "signal", "reason", "message")}
        failures = [without(failure, "pod", "uid", "time") for failure in status.get("failures", [])]
        log = keeper.user.kubectl("logs", f"{name}-worker-0").splitlines()
        told = (status["phase"], status["reason"], status["message"].replace(name, "digits"))
        found.append((told, failures, pod["status"]["phase"], state, by_stream(log)))
        (artifact,) = status["artifacts"]
        assert artifact["complete"], status
        copy = keeper.download(artifact, folder / name) / "logs" / CAPTURED_FILE
        assert copy.exists() == copies
        if copies:
            kept = copy.read_text().splitlines()
            assert (by_stream(kept), sorted(kept)) == (by_stream(log), sorted(log))
    assert found[1] == found[0]
    return dict(found[1][3])


def without(item: Object, *names: str) -> Object:
    """Return an object without some of its fields."""
    return {name: value for name, value in item.items() if name not in names}


def by_stream(log: list[str]) -> dict[str, list[str]]:
    """Return the lines of each stream in their order; between the two streams a reader's chance decides."""
    return {start: [line for line in log if line.startswith(start) == (start == "out")] for start in ("out", "err")}


@pytest.mark.parametrize(
    ("what", "code", "reason"),
    [
        ("end with a code", 3, "Error"),
        ("use up memory", 137, "OOMKilled"),
        pytest.param("succeed", 0, "Completed", marks=pytest.mark.long),
        pytest.param("raise", 1, "Error", marks=pytest.mark.long),
        pytest.param("be killed", 137, "Error", marks=pytest.mark.long),
        pytest.param("crash", 139, "Error", marks=pytest.mark.long),
        pytest.param("leave something behind", 0, "Completed", marks=pytest.mark.long),
    ],
)
def test_program_of_which_a_copy_is_kept_ends_as_it_does_without(
    keeper: Keeper, tmp_path: Path, what: str, code: int, reason: str
) -> None:
    run_both(keeper, what)
    state = compare(keeper, tmp_path)
    assert (state["exitCode"], state["reason"]) == (code, reason)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("handle SIGTERM", 5),
        pytest.param("wait", 143, marks=pytest.mark.long),
        pytest.param("ignore SIGTERM", 137, marks=pytest.mark.long),
    ],
)
def test_program_that_the_kubelet_stops_does_as_it_does_without(
    keeper: Keeper, tmp_path: Path, what: str, code: int
) -> None:
    run_both(keeper, what)
    for name in JOBS:
        pod = f"{name}-worker-0"
        wait_until(partial(log_of, keeper.user, pod), lambda log: "ü 59" in log, 120)
        keeper.user.kubectl("patch", "pod", pod, "--patch", '{"spec": {"activeDeadlineSeconds": 1}}')
    assert compare(keeper, tmp_path)["exitCode"] == code


def log_of(user: User, pod: str) -> str:
    """Return what a pod's program has printed; nothing before it has begun."""
    try:
        return user.kubectl("logs", pod)
    except RefusedError:
        return ""


def test_program_ends_together_with_what_stands_in_front_of_it(keeper: Keeper) -> None:
    keeper.run("digits", PRINT, "wait", maxRestarts=0, outputs={"captureOutput": True, "flushSeconds": 4})
    wait_until(partial(log_of, keeper.user, POD), lambda log: "ü 59" in log, 120)
    running = pod_processes(keeper.user.namespace, "digits")
    assert {process.init for process in running} == {True, False}
    next(process for process in running if process.init).kill()
    status = keeper.user.wait_finished("digits", seconds=120)
    (failure,) = status["failures"]
    assert (failure["exitCode"], failure["class"]) == (137, "AppFailure")
    assert pod_processes(keeper.user.namespace, "digits") == []
