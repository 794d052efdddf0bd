"""What a store can hold and a folder cannot: a file, and other files below it.

A program that makes a folder where it had a file leaves that in a store: what was uploaded once stays there.
"""

from collections.abc import Iterable, Iterator

from trainingjob.sidecar.errors import RefusedError
from trainingjob.sidecar.remote import Wanted


def without_folders(files: list[Wanted]) -> list[Wanted]:
    """Leave out the empty objects by which browsers of stores mark folders.

    Raises:
        RefusedError: for an object that is not empty and has others below it.
    """
    folders = {folder for file in files for folder in folders_of(file.path)}
    for file in files:
        if file.path in folders and file.size:
            raise RefusedError(f"{file.key!r} is an object, and there are others below it: no folder can hold both.")
    return [file for file in files if file.path not in folders]


def without_older(files: Iterable[Wanted]) -> list[Wanted]:
    """Leave out files below which there are newer ones, and those that are below a newer one."""
    kept = list(files)
    newest: dict[str, int] = {}
    for file in kept:
        for folder in folders_of(file.path):
            newest[folder] = max(newest.get(folder, 0), file.stamp)
    # An empty object that has others below it marks a folder, whenever it was made.
    kept = [file for file in kept if file.path not in newest or (file.size and file.stamp > newest[file.path])]
    paths = {file.path for file in kept}
    return [file for file in kept if paths.isdisjoint(folders_of(file.path))]


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders above a file, the outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
