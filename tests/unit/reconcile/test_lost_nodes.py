"""What a job says while a pod stays behind on a node that does not answer."""

import pytest

from tests.support.world import World

WORKER_1 = "mnist-worker-1"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (
            "Wait",
            f"Pod {WORKER_1} is on a node that does not answer, and spec.onNodeLost is Wait: the node has to come",
        ),
        ("ForceDelete", f"1 pods of the attempt before are still ending, {WORKER_1} among them."),
    ],
)
def test_job_that_waits_for_a_pod_on_a_silent_node_says_so(policy: str, words: str) -> None:
    world = World(multiWorker={"workers": 2}, onNodeLost=policy)
    world.settle()
    world.start()
    world.settle()
    world.change(WORKER_1, deleting=True, disruption="DeletionByTaintManager", gone_by=world.now)
    world.settle()
    world.pods.pop("mnist-worker-0")
    world.wait(11)
    world.settle()
    assert world.phase == "Restarting"
    assert words in world.status.message
