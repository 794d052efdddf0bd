"""Copy what runs in the training image into a volume that it shares with ours: it has nothing of ours itself."""

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Final

from trainingjob.contract.names import CAPTURE_OUTPUT, INSTALL_PACKAGES
from trainingjob.contract.tasks import CondaPackages, CopyTools
from trainingjob.sidecar.conda_file import read_request

SCRIPT: Final = """\
#!/bin/sh
# Installs the packages of spec.environment with the Python of the image: the first of its PATH that is new enough.
tools=${0%/*}
seen=
names="python python3"
# Images of conda have theirs in PATH only where a shell of theirs has put it there.
[ ! -e "$tools/conda.json" ] || names="$names /opt/conda/bin/python"
for name in $names; do
    "$name" -c '' 2> /dev/null || continue
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 6))'; then
        # Isolated: what the image or the user has for programs must not change this one.
        exec "$name" -I -c '
import runpy, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("packages", run_name="__main__", alter_sys=True)' "$tools"
    fi
    seen="$seen, $name is $("$name" --version 2>&1)"
done
message="spec.environment needs an image with Python 3.6 or later: this one has none in its PATH ($PATH)$seen."
echo "$message" >&2
[ ! -w /dev/termination-log ] || echo "$message" > /dev/termination-log
exit 65
"""
"""The command of the container that installs: any image with a shell can run it."""

CAPTURE: Final = """\
#!/bin/sh
# Runs a program with a copy of what it prints: capture-output FILE PROGRAM ARGUMENT...
tools=${0%/*}
look='import sys; print(sys.executable); sys.exit(sys.version_info < (3, 6))'
newline='
'
names="python3 python"
[ ! -e "$tools/conda.json" ] || names="$names /opt/conda/bin/python"
for name in $names; do
    # The program itself: what stands in PATH may be a script that changes variables. Neither the user's packages nor
    # variables for Python count here.
    found=$("$name" -E -s -S -c "$look" 2> /dev/null) || continue
    # Such a script may say something of its own before.
    exec "${found##*"$newline"}" -E -s -S -c '
import sys
sys.dont_write_bytecode = True
sys.path[0] = sys.argv.pop(1)
from capture.main import main
main(sys.argv[1:])' "$tools" "$@"
done
message="spec.outputs.captureOutput needs an image with Python 3.6 or later: this one has none in its PATH ($PATH)."
echo "$message" >&2
[ ! -w /dev/termination-log ] || echo "$message" > /dev/termination-log
exit 65
"""
"""What stands in front of a program: any image with a shell can run it."""

HELPER: Final = "trainingjob.py"
"""The module for programs, which is installed where there is no other of its name."""


_IGNORED: Final = shutil.ignore_patterns("__pycache__", "*.exe")


def run(task: str) -> None:
    """Copy the tools: two scripts, the folders `packages` and `capture` that they run, and what programs are given.

    The latter are a pip for images without, and the module `trainingjob`, by which programs write down their metrics.
    For conda there is a solver as well, and what it is to solve.

    Raises:
        ModuleNotFoundError: when this image lacks what it is to bring.
        RefusedError: when what conda is to install cannot be honoured.
    """
    asked = CopyTools.model_validate_json(task)
    tools = Path(asked.tools)
    tools.mkdir(parents=True, exist_ok=True)
    for folder in ("packages", "capture"):
        _copy(Path(__file__).parent / folder, tools / folder)
    _bring("pip", tools)
    if asked.conda:
        _add_conda(asked.conda, tools)
    shutil.copyfile(Path(__file__).parents[1] / "_metrics.py", tools / HELPER)
    for name, text in ((INSTALL_PACKAGES, SCRIPT), (CAPTURE_OUTPUT, CAPTURE)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)


def _add_conda(asked: CondaPackages, tools: Path) -> None:
    (tools / "conda.json").write_text(json.dumps(read_request(asked).as_json()))
    _copy(Path(__file__).parent / "rattling", tools / "rattler" / "rattling")
    _bring("rattler", tools)


def _bring(name: str, tools: Path) -> None:
    """Copy a package of this image, into a folder of its own: whoever looks there finds nothing else."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"This image has no {name} to bring to others.", name=name)
    _copy(Path(found.origin).parent, tools / name / name)


def _copy(folder: Path, target: Path) -> None:
    shutil.copytree(folder, target, ignore=_IGNORED, dirs_exist_ok=True)
