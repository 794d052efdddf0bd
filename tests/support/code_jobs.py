"""Jobs that bring code, data and packages and keep what they write, and break no rule."""

from tests.support.job_cases import Accepted
from tests.support.refused_sources import SCRIPTS, git

_ARCHIVE = "https://example.com/code.tar.gz?version=3"

ACCEPTED_CODE_JOBS = [
    Accepted("a script of a ConfigMap", {**SCRIPTS, "entrypoint": "train.py"}),
    Accepted("a script in a folder", {**git(), "entrypoint": "./a b/run.sh", "args": ["--epochs", "3"]}),
    Accepted("a module of a source", {**git(ref="feature/x-1", path="src"), "entrypoint": "-m trainer.task"}),
    Accepted("a source for a command", {**git(url="ssh://git@example.com:2222/code.git"), "command": ["./run"]}),
    Accepted("a source for an image's own program", {"source": {"archive": {"uri": _ARCHIVE, "sha256": "a" * 64}}}),
    Accepted("a part of a claim as source", {"source": {"pvc": {"claimName": "code", "path": "v..1/mnist"}}}),
    Accepted("an entrypoint under mpirun", {**git(), "entrypoint": "train.py", "mpi": {"args": ["-v"]}}),
    Accepted("an entrypoint under torchrun", {**git(), "entrypoint": "-m train", "torch": {"processesPerNode": 2}}),
    Accepted(
        "a role with a command of its own beside an entrypoint",
        {**git(), "entrypoint": "train.py", "overrides": {"worker": {"command": ["python", "other.py"]}}},
    ),
]
