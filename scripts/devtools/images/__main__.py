"""The command line of the image tool."""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from devtools.images import ImageError, archives, build, prune
from devtools.progress import StepFailed
from devtools.shell import CommandFailed


def main(words: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 for a failure that was explained, 130 after an interruption."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = _parser().parse_args(words)
    try:
        if arguments.command == "build":
            _build(arguments.context, arguments.tag, arguments.file, arguments.output)
        elif arguments.command == "list":
            _list()
        else:
            _prune()
    except (ImageError, StepFailed, CommandFailed, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from the last finished layer.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/image", description="Build container images, with Docker or without."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build an image from a Dockerfile and print the path of its archive")
    building.add_argument("context", type=Path, help="folder whose files the Dockerfile may copy")
    building.add_argument("--tag", required=True, help="name of the image, such as example.dev/digits:dev")
    building.add_argument("--file", type=Path, help="the Dockerfile (CONTEXT/Dockerfile)")
    building.add_argument("--output", type=Path, help="copy the archive to this file and print its path instead")
    commands.add_parser("list", help="print size, age and path of the finished archives")
    commands.add_parser("prune", help="remove all archives but the latest of each image, and unused layers")
    return parser


def _build(context: Path, tag: str, dockerfile: Path | None, output: Path | None) -> None:
    archive = build(context, tag, dockerfile)
    if output is not None:
        shutil.copyfile(archive, output)
    print(output or archive)


def _list() -> None:
    for path in archives.finished():
        state = path.stat()
        print(f"{state.st_size / 1e6:7.0f} MB {(time.time() - state.st_mtime) / 3600:7.1f} h  {path}")


def _prune() -> None:
    for path in prune():
        print(path)


if __name__ == "__main__":
    sys.exit(main())
