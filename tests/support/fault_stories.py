"""Jobs that come by most of what can happen to a job, for runs in which requests and watches fail."""

from tests.support.death_stories import ANEW, DRAINED, RETIRED, SERVES, SHRUNK
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE
from tests.support.stories import Scene, Step, Story, change, ends_as, in_phase, without_pods


def _good(job: str, replica: str, _: int) -> Run:
    peers = tuple(f"{job}-{peer}" for peer in ("worker-0", "worker-1", "ps-0"))
    return {
        "worker-0": Run(seconds=0.5, peers=peers, after=peers[1:2]),
        "worker-1": Run(seconds=0.5, peers=peers),
    }.get(replica, SERVES)


def _doomed(job: str, replica: str, _: int) -> Run:
    return SERVES if replica == "worker-0" else Run(7, seconds=0.5, peers=(f"{job}-worker-0",), message="boom")


def _second_time(job: str, replica: str, before: int) -> Run:
    if not before:
        return SERVES
    return Run(after=(f"{job}-worker-1",)) if replica == "worker-0" else Run(seconds=0.5)


def _reborn(_: str, __: str, before: int) -> Run:
    return Run(seconds=0.5) if before else SERVES


def _stopped(job: str, replica: str, _: int) -> Run:
    if replica == "launcher-0":
        return Run(None, init_after=(f"{job}-worker-0", f"{job}-worker-1"))
    return SERVES


def _delete(scene: Scene) -> None:
    scene.user.kubectl("delete", "tjob", scene.job, "--wait=false")


def _gone(scene: Scene) -> bool:
    return scene.body is None


_GROUP = {"image": IMAGE, "multiWorker": {"workers": 2}}
_SINGLE = {"image": IMAGE}

STORIES = {
    "good": Story(
        {"image": IMAGE, "parameterServer": {"workers": 2, "servers": 1}},
        _good,
        expected=ends_as("Succeeded", 0, 0, 0),
    ),
    "anew": ANEW,
    "drained": DRAINED,
    "shrunk": SHRUNK,
    "retired": RETIRED,
    "doomed": Story(
        {**_GROUP, "maxRestarts": 0, "cleanPodPolicy": "All"},
        _doomed,
        expected=ends_as("Failed", 0, 0, 0, ("doomed-worker-1", 0, 7, "AppFailure")),
    ),
    "paused": Story(
        {**_GROUP, "nodeSelector": {"pool": "small"}},
        _second_time,
        steps=(
            Step(in_phase("Running"), change(suspend=True)),
            Step(without_pods("Suspended"), change(suspend=False, nodeSelector={"pool": "large"})),
        ),
        expected=ends_as("Succeeded", 0, 0, 0),
    ),
    "stopped": Story(
        {"image": IMAGE, "command": ["train"], "mpi": {"nodes": 2}, "cleanPodPolicy": "None"},
        _stopped,
        steps=(Step(in_phase("Running"), change(cancel=True)),),
        expected=ends_as("Cancelled", 0, 0, 0),
    ),
    "reborn": Story(
        _SINGLE,
        _reborn,
        steps=(Step(in_phase("Running"), _delete), Step(_gone, lambda scene: scene.create(_SINGLE))),
        expected=ends_as("Succeeded", 0, 0, 0),
    ),
}
