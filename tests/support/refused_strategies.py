"""Jobs that contradict their strategy, with what the user reads."""

from tests.support.job_cases import Refused
from tests.support.strategy_jobs import TRAIN, elastic, mpi

_NO_CHIEF = "this job has no chief; set chief: true in parameterServer or multiWorker, or leave overrides.chief out"
_NO_EVALUATOR = (
    "this job has no evaluator; set evaluator: true in parameterServer or multiWorker, or leave overrides.evaluator out"
)
_NO_SERVERS = "only a job with parameterServer has parameter servers; leave overrides.ps out"
_NO_LAUNCHER = "only a job with mpi has a launcher; leave overrides.launcher out"
_AT_MOST_ONE = "give at most one of parameterServer, multiWorker, mpi, torch; there are %d"

_ROLES = [
    Refused("two TensorFlow strategies at once", "spec", _AT_MOST_ONE % 2, {"parameterServer": {}, "multiWorker": {}}),
    Refused("MPI and PyTorch at once", "spec", _AT_MOST_ONE % 2, {**mpi(), "torch": {}}),
    Refused(
        "every strategy at once",
        "spec",
        _AT_MOST_ONE % 4,
        {**mpi(), "torch": {}, "parameterServer": {}, "multiWorker": {}},
    ),
    *(
        Refused(
            f"an override for a role that a job with {' and '.join(strategy)} does not have: {role}",
            f"spec.overrides.{role}",
            sentence,
            {**strategy, "overrides": {role: {"image": "other"}}},
        )
        for role, sentence, strategy in (
            ("ps", _NO_SERVERS, {"multiWorker": {}}),
            ("ps", _NO_SERVERS, mpi()),
            ("chief", _NO_CHIEF, {"parameterServer": {"chief": False}}),
            ("chief", _NO_CHIEF, {"torch": {}}),
            ("evaluator", _NO_EVALUATOR, {"multiWorker": {"chief": True}}),
            ("evaluator", _NO_EVALUATOR, mpi()),
            ("launcher", _NO_LAUNCHER, {"torch": {}}),
            ("launcher", _NO_LAUNCHER, {"parameterServer": {}}),
        )
    ),
    Refused(
        "an override for an evaluator of a single pod",
        "spec.overrides.evaluator",
        _NO_EVALUATOR,
        {"overrides": {"evaluator": {"image": "evaluator"}}},
    ),
    Refused(
        "an override for a launcher of a single pod",
        "spec.overrides.launcher",
        _NO_LAUNCHER,
        {"overrides": {"launcher": {"image": "launcher"}}},
    ),
    Refused(
        "an override for the workers of an MPI job that has none",
        "spec.overrides.worker",
        "the launcher runs the only node of this job; use overrides.launcher, or leave overrides.worker out",
        mpi({"worker": {"image": "worker"}}, nodes=1, launcherRunsWorker=True),
    ),
]

_IMAGES_OWN = "an image's own program cannot be put under mpirun; give the program, such as [python, train.py]"
_SSHD = (
    "the workers of an MPI job run sshd, through which the launcher starts the program; give %s for the whole job or "
    "in overrides.launcher"
)
_RUN_AS_IT_IS = (
    "the command begins with %s and is run as it is; put these words into the command and leave mpi.args out"
)

_MPI = [
    Refused("an MPI job without a program", "spec.command", _IMAGES_OWN, {"mpi": {}}),
    Refused("an MPI job with an empty command", "spec.command", _IMAGES_OWN, {"mpi": {}, "command": []}),
    Refused(
        "an MPI job whose launcher is to run the image's own program",
        "spec.command",
        _IMAGES_OWN,
        mpi({"launcher": {"command": []}}),
    ),
    Refused(
        "a program for the workers of an MPI job",
        "spec.overrides.worker.command",
        _SSHD % "command",
        mpi({"worker": {"command": ["serve"]}}),
    ),
    Refused(
        "arguments for the workers of an MPI job",
        "spec.overrides.worker.args",
        _SSHD % "args",
        mpi({"worker": {"args": ["--quiet"]}}),
    ),
    *(
        Refused(
            f"arguments of mpirun beside a command that begins with {starter}",
            "spec.mpi.args",
            _RUN_AS_IT_IS % starter,
            mpi(command=[starter, "-np", "4", "train"], args=["--bind-to", "core"]),
        )
        for starter in ("mpirun", "/usr/bin/mpiexec.hydra", "mpirun.openmpi", "horovodrun", "/opt/bin/deepspeed")
    ),
    Refused(
        "arguments of mpirun beside a launcher's command that begins with it",
        "spec.mpi.args",
        _RUN_AS_IT_IS % "prterun",
        mpi({"launcher": {"command": ["prterun", "train"]}}, args=["--bind-to", "core"]),
    ),
    Refused(
        "an MPI job that waits for its workers to succeed",
        "spec.successPolicy",
        "AllWorkers fits no MPI job, whose workers only serve and never end by themselves; use Primary, which waits "
        "for the launcher",
        {**mpi(), "successPolicy": "AllWorkers"},
    ),
]

_TORCHRUN = (
    "torchrun starts %d processes in each worker and cannot start an image's own program; give the program, such as "
    "[python, train.py], or set torch.processesPerNode: 1"
)
_ELASTIC = (
    "an elastic job runs under torchrun, which cannot start an image's own program; give the program, such as "
    "[python, train.py]"
)
_BOUNDS = "%d is out of the bounds of elastic; choose %d at least and %d at most"

_TORCH = [
    Refused(
        "several processes of an image's own program",
        "spec.command",
        _TORCHRUN % 2,
        {"torch": {"processesPerNode": 2}},
    ),
    Refused(
        "several GPUs for an image's own program",
        "spec.command",
        _TORCHRUN % 8,
        {"torch": {"nodes": 2}, "gpusPerWorker": 8},
    ),
    Refused(
        "several processes of an image's own program in the workers",
        "spec.command",
        _TORCHRUN % 2,
        {"torch": {"processesPerNode": 2}, "command": TRAIN, "overrides": {"worker": {"command": []}}},
    ),
    Refused(
        "an elastic job of an image's own program",
        "spec.command",
        _ELASTIC,
        {"torch": {"elastic": {"minNodes": 1, "maxNodes": 2}}, "args": ["--epochs", "10"]},
    ),
    Refused("fewer nodes than elastic allows", "spec.torch.nodes", _BOUNDS % (1, 2, 4), elastic(2, 4)),
    Refused("more nodes than elastic allows", "spec.torch.nodes", _BOUNDS % (5, 2, 4), elastic(2, 4, nodes=5)),
    Refused(
        "bounds the wrong way round",
        "spec.torch.elastic.minNodes",
        "4 is more than maxNodes, which is 2; choose no more than that",
        elastic(4, 2, nodes=3),
    ),
]

REFUSED_STRATEGIES = [*_ROLES, *_MPI, *_TORCH]
