"""Seven kinds of job whose operator dies: between them they come by every order of writes that the operator has."""

from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE
from tests.support.stories import Scene, Step, Story, change, ends_as, in_phase, without_pods

SERVES = Run(None)


def _anew(job: str, replica: str, before: int) -> Run:
    if replica == "worker-0":
        return Run(after=(f"{job}-worker-1",)) if before else SERVES
    return Run(seconds=0.5) if before else Run(7, seconds=0.5, peers=(f"{job}-worker-0",), message="boom")


def _alone(job: str, replica: str, before: int) -> Run:
    match replica:
        case "worker-0":
            return Run(after=(f"{job}-worker-1",))
        case "worker-1" if before:
            return Run(seconds=0.5)
        case "worker-1":
            return Run(7, seconds=0.5, peers=(f"{job}-worker-0", f"{job}-ps-0"), message="boom")
    return SERVES


def _ring(job: str, replica: str, before: int) -> Run:
    if replica == "launcher-0":
        return Run(0 if before else 7, seconds=0.5, init_after=(f"{job}-worker-0",), message="" if before else "boom")
    return SERVES


def _shrunk(job: str, replica: str, before: int) -> Run:
    if replica == "worker-0":
        return Run(after=(f"{job}-worker-1",))
    return Run(seconds=0.5) if before else SERVES


def _drained(job: str, replica: str, before: int) -> Run:
    if replica == "launcher-0":
        workers = (f"{job}-worker-0", f"{job}-worker-1")
        return Run(seconds=0.5, init_after=workers) if before else Run(1, after=(_lost(job),), init_after=workers)
    return SERVES


def _retired(job: str, replica: str, _: int) -> Run:
    match replica:
        case "chief-0":
            return Run(seconds=0.5, peers=(f"{job}-worker-0", f"{job}-evaluator-0"))
        case "evaluator-0":
            return Run(seconds=1.5, after=(f"{job}-chief-0",))
    return SERVES


def _serves(_: str, __: str, ___: int) -> Run:
    return SERVES


def _lost(job: str) -> str:
    return f"{job} has lost a worker"


def _evict(scene: Scene) -> None:
    scene.user.evict(f"{scene.job}-worker-1")
    scene.kubelet.announce(_lost(scene.job))


ANEW = Story(
    {"image": IMAGE, "multiWorker": {"workers": 2}},
    _anew,
    expected=ends_as("Succeeded", 1, 1, 0, ("anew-worker-1", 0, 7, "AppFailure")),
)
ALONE = Story(
    {"image": IMAGE, "parameterServer": {"workers": 2, "servers": 1}},
    _alone,
    expected=ends_as("Succeeded", 0, 1, 0, ("alone-worker-1", 0, 7, "AppFailure")),
)
RING = Story(
    {"image": IMAGE, "command": ["train"], "mpi": {"nodes": 1}},
    _ring,
    expected=ends_as("Succeeded", 1, 1, 0, ("ring-launcher-0", 0, 7, "AppFailure")),
)
PAUSED = Story(
    {"image": IMAGE, "multiWorker": {"workers": 2}, "nodeSelector": {"pool": "small"}, "cleanPodPolicy": "None"},
    _serves,
    steps=(
        Step(in_phase("Running"), change(suspend=True)),
        Step(without_pods("Suspended"), change(suspend=False, nodeSelector={"pool": "large"})),
        Step(in_phase("Running"), change(cancel=True)),
    ),
    expected=ends_as("Cancelled", 0, 0, 0),
)
SHRUNK = Story(
    {
        "image": IMAGE,
        "command": ["python", "train.py"],
        "torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 2}},
    },
    _shrunk,
    steps=(Step(in_phase("Running"), _evict),),
    expected=ends_as("Succeeded", 0, 0, 1, ("shrunk-worker-1", 0, None, "Disruption")),
)
DRAINED = Story(
    {"image": IMAGE, "command": ["train"], "mpi": {"nodes": 2}},
    _drained,
    steps=(Step(in_phase("Running"), _evict),),
    expected=ends_as("Succeeded", 1, 0, 1, ("drained-worker-1", 0, None, "Disruption")),
    echoes=frozenset({"launcher-0"}),
)
RETIRED = Story(
    {
        "image": IMAGE,
        "multiWorker": {"workers": 1, "chief": True, "evaluator": True},
        "podTTLSeconds": 2,
        "ttlSecondsAfterFinished": 6,
    },
    _retired,
    expected=ends_as("Succeeded", 0, 0, 0),
    vanishes=True,
)
STORIES = {
    "anew": ANEW,
    "alone": ALONE,
    "ring": RING,
    "paused": PAUSED,
    "shrunk": SHRUNK,
    "drained": DRAINED,
    "retired": RETIRED,
}
