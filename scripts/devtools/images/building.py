"""Build one image unless it exists already."""

import os
from pathlib import Path

from devtools.images import archives
from devtools.images.buildah import Buildah
from devtools.images.docker import Docker
from devtools.images.errors import ImageError
from devtools.images.fingerprint import fingerprint
from devtools.progress import Progress


def build(context: Path, tag: str, dockerfile: Path | None = None) -> Path:
    """Build an image from a Dockerfile and return its archive, in the format of `docker save`.

    Nothing is built when the same files were built under the same tag before. Of several builds at once each waits
    for the one before it. An interrupted build leaves nothing that a later one trips over.

    Args:
        context: the folder whose files the Dockerfile may copy.
        tag: the image's name in the archive.
        dockerfile: the file to build from, `Dockerfile` in the context when it is None.

    Raises:
        ImageError: when there is no such file, or no way to build images on this machine.
        StepFailed: when a step ends badly; the message shows the end of its log.
    """
    progress = Progress("image")
    context = context.resolve()
    dockerfile = (dockerfile or context / "Dockerfile").resolve()
    if not dockerfile.is_file():
        raise ImageError(f"There is no file {dockerfile}: name it with --file, or give the folder that holds it.")
    result = archives.archive(tag, fingerprint(context, dockerfile, tag))
    if _exists(result):
        progress.say(f"✓ {tag} is built already")
        return result
    with archives.locked(lambda: progress.say("… another build is running; this one waits for its end")):
        if not _exists(result):
            _build(context, tag, dockerfile, result, progress)
    archives.remove_old()
    return result


def prune() -> list[Path]:
    """Remove all archives but the latest of each image, and layers that belong to no tag; return the removed archives.

    What a Docker daemon stores is left alone.

    Raises:
        CommandFailed: when the builder's storage cannot be cleared.
    """
    progress = Progress("image")
    storage = archives.folder() / "builder"
    with archives.locked(lambda: progress.say("… another build is running; this waits for its end")):
        if storage.exists():
            with Buildah(archives.log("prune"), storage, progress) as builder:
                builder.remove_untagged()
        return archives.remove_old(kept_per_name=1)


def _exists(result: Path) -> bool:
    try:
        os.utime(result)
    except FileNotFoundError:
        return False
    return True


def _build(context: Path, tag: str, dockerfile: Path, result: Path, progress: Progress) -> None:
    log = archives.log(tag)
    log.unlink(missing_ok=True)
    builder = Docker(log, progress) if Docker.answers() else Buildah(log, archives.folder() / "builder", progress)
    part = result.with_suffix(".part")
    part.unlink(missing_ok=True)
    with builder:
        builder.build(context, dockerfile, tag)
        builder.save(tag, part)
    part.replace(result)
    progress.say(f"✓ {result} ({result.stat().st_size / 1e6:.0f} MB)")
