"""Copy what runs in the training image into a volume that it shares with ours: it has nothing of ours itself."""

import importlib.util
import shutil
from pathlib import Path
from typing import Final

from trainingjob.contract.names import CAPTURE_OUTPUT, INSTALL_PACKAGES
from trainingjob.contract.tasks import CopyTools

SCRIPT: Final = """\
#!/bin/sh
# Installs the packages of spec.environment with the Python of the image: the first of its PATH that is new enough.
tools=${0%/*}
seen=
for name in python python3; do
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
for name in python3 python; do
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


def run(task: str) -> None:
    """Copy the tools: two scripts, the folders `packages` and `capture` that they run, and what programs are given.

    The latter are a pip for images without, and the module `trainingjob`, by which programs write down their metrics.

    Raises:
        ModuleNotFoundError: when this image lacks the pip that it is to bring.
    """
    tools = Path(CopyTools.model_validate_json(task).tools)
    tools.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("__pycache__", "*.exe")
    for folder in ("packages", "capture"):
        shutil.copytree(Path(__file__).parent / folder, tools / folder, ignore=ignore, dirs_exist_ok=True)
    pip = importlib.util.find_spec("pip")
    if pip is None or pip.origin is None:
        raise ModuleNotFoundError("This image has no pip to bring to others.", name="pip")
    # In a folder of its own, so that whoever looks there finds nothing but it.
    shutil.copytree(Path(pip.origin).parent, tools / "pip" / "pip", ignore=ignore, dirs_exist_ok=True)
    shutil.copyfile(Path(__file__).parents[1] / "_metrics.py", tools / HELPER)
    for name, text in ((INSTALL_PACKAGES, SCRIPT), (CAPTURE_OUTPUT, CAPTURE)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
