"""What can be seen of a run on a real kubelet: its metrics, and what its program prints."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from tests.support import package_index
from tests.support.artifact_jobs import Keeper
from tests.support.node_jobs import DONE, release
from tests.support.object_store import ObjectServer
from tests.support.user import User, wait_until
from trainingjob.contract.names import METRICS_PORT

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
        keeper.run("digits", LOG, environment={"pip": ["ourmodels"], "indexUrl": index.url})
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
    kept = (keeper.download(artifact, tmp_path / "copy") / "logs" / "metrics.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in kept if line != "hostile"]
    assert [(line["name"], line.get("step")) for line in history] == [
        *(("train/loss", step) for step in range(1, last + 1)),
        ("accuracy", None),
    ]
