"""TensorBoard itself shows what a program on a real kubelet writes: while it runs, and after its end."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from devtools.cluster import Cluster
from devtools.deploy import example_image
from devtools.paths import REPOSITORY
from tests.support.artifact_jobs import Keeper
from tests.support.node_jobs import DONE, python, release
from tests.support.object_store import ObjectServer
from tests.support.port_forward import forwarded
from tests.support.user import User, wait_until

pytestmark = pytest.mark.kubelet

BOARD = "service/digits-tensorboard"
POD = "digits-worker-0"
RUN = "0/worker-0/logs"
WRITE = f"""
import os, time
import tensorflow as tf

step = 0
with tf.summary.create_file_writer(os.environ["TRAININGJOB_LOGS"]).as_default() as writer:
    while not os.path.exists({DONE!r}):
        step += 1
        tf.summary.scalar("loss", 1 / step, step=step)
        writer.flush()
        print("step", step, 1 / step, flush=True)
        time.sleep(0.5)
"""
ASK = """
import sys, urllib.request

print(urllib.request.urlopen(sys.argv[1] + "data/plugin/scalars/tags", timeout=60).read().decode())
"""
Series = dict[int, float]
"""The values of a scalar by their steps."""


@pytest.fixture
def keeper(cluster: Cluster, user: User, tmp_path: Path) -> Iterator[Keeper]:
    """Return a person who has a store, which pods reach."""
    with ObjectServer(tmp_path / "store", cluster.host_address) as store:
        yield Keeper(user, store, cluster.host_address)


class Board:
    """A TensorBoard, by its own HTTP interface."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, path: str, **query: str) -> Any:
        """Return what it answers; nothing while it does not."""
        try:
            with urlopen(f"{self._address}{path}?{urlencode(query)}", timeout=30) as answer:  # noqa: S310 - it is http
                return json.load(answer)
        except OSError:
            return None

    def scalars(self, run: str, tag: str) -> Series:
        """Return a scalar of a run; nothing while it does not know it."""
        found = self.ask("data/plugin/scalars/scalars", run=run, tag=tag)
        return {int(step): value for _, step, value in found or []}

    def wait_for(self, run: str, tag: str, steps: int) -> Series:
        """Wait until it shows so many steps of a scalar."""
        return wait_until(lambda: self.scalars(run, tag), lambda series: len(series) >= steps, 120)


@contextmanager
def shown(user: User, service: str) -> Iterator[Board]:
    """Reach a TensorBoard as the documentation says, once its pod serves."""
    board = service.removeprefix("service/")
    user.kubectl("rollout", "status", f"deployment/{board}", "--timeout=240s")
    with forwarded(user, service, 6006) as address:
        yield Board(address)


def told(user: User) -> Series:
    """Return what the program has printed."""
    found = re.findall(r"^step (\d+) (\S+)$", user.kubectl("logs", POD), re.MULTILINE)
    return {int(step): float(value) for step, value in found}


def agree(seen: Series, printed: Series) -> bool:
    """Say whether every value that is shown is the one that was printed; event files hold 32 bits of each."""
    return all(seen[step] == pytest.approx(printed[step], rel=1e-6) for step in seen)


def test_scalars_of_a_store_are_shown_live_and_after_the_end_until_the_time_is_over(keeper: Keeper) -> None:
    user = keeper.user
    keeper.run("digits", WRITE, image=example_image("tensorflow-multi-worker"), tensorboard={})
    user.wait_for_phase("digits", "Running")
    with shown(user, BOARD) as board:
        first = board.wait_for(RUN, "loss", 3)
        assert user.status("digits")["phase"] == "Running"
        assert agree(first, told(user))
        # The same file has grown: a copy that takes the place of the first would show nothing new.
        later = board.wait_for(RUN, "loss", len(first) + 10)
        assert agree(later, told(user))
        release(user, POD)
        assert user.wait_finished("digits", seconds=120)["phase"] == "Succeeded"
        everything = told(user)
        assert agree(board.wait_for(RUN, "loss", len(everything)), everything)
    url = user.status("digits")["tensorboard"]["url"]
    user.apply_job("ask", **python(ASK), args=[url])
    assert user.wait_finished("ask", seconds=120)["phase"] == "Succeeded"
    assert "loss" in json.loads(user.kubectl("logs", "ask-worker-0"))[RUN]
    logs = user.kubectl("logs", f"deployment/{BOARD.removeprefix('service/')}", "--all-containers")
    assert [secret for secret in keeper.planted if secret in keeper.everything_to_read("digits") + logs] == []

    user.change_job("digits", tensorboard={"ttlSeconds": 1})
    left = ("get", "deployments,services,pods", "-o", "name")
    wait_until(lambda: user.kubectl(*left), lambda names: "tensorboard" not in names, 120)
    assert "tensorboard" not in user.status("digits")
    assert any("tfevents" in key for key in keeper.store.keys(keeper.prefix("digits")))


def test_example_with_a_claim_is_shown_after_its_end(user: User) -> None:
    user.kubectl("apply", "-k", str(REPOSITORY / "examples" / "tensorflow-single"))
    assert user.wait_finished("tensorflow-single", seconds=400)["phase"] == "Succeeded"
    log = user.kubectl("logs", "tensorflow-single-worker-0")
    printed = [float(value) for value in re.findall(r" accuracy: (\d\.\d+)", log)]
    with shown(user, "service/tensorflow-single-tensorboard") as board:
        epochs = board.wait_for("0/worker-0/logs/train", "epoch_accuracy", 10)
    assert [round(epochs[epoch], 3) for epoch in range(10)] == pytest.approx([round(v, 3) for v in printed], abs=0.0011)
