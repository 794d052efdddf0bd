"""Images come into a node once, and again when the node has lost them or has others of the same name."""

import json
import sys
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from devtools.cluster.state import OWN, State

# An archive's text is the name and the digest of its one image.
CTR = """#!{python}
import json, sys
from pathlib import Path

table, log = Path(__file__).with_name("images.json"), Path(__file__).with_name("log")
images = json.loads(table.read_text()) if table.exists() else {{}}
match sys.argv[5:]:
    case ["images", "ls"]:
        print("REF TYPE DIGEST SIZE")
        for name, digest in images.items():
            print(name, "application/json", digest, "1.0", "MiB")
    case ["images", "import", "--local", path]:
        log.open("a").write(Path(path).name + "\\n")
        name, digest = Path(path).read_text().split()
        table.write_text(json.dumps({{**images, name: digest}}))
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Return a cluster of one node whose containerd is a file."""
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    ctr = tmp_path / "ctr"
    ctr.write_text(CTR.format(python=sys.executable))
    ctr.chmod(0o755)
    state = State("one", OWN, 1, "1.35.4", tools={"containerd": str(tmp_path)})
    (state.directory / "node-1").mkdir(parents=True)
    return Cluster(state)


def archive(folder: Path, file: str, image: str, digest: str) -> Path:
    """Write an archive of one image."""
    path = folder / file
    path.write_text(f"{image} {digest}")
    return path


def imported(folder: Path) -> list[str]:
    """Return which archives were imported, in their order."""
    return (folder / "log").read_text().split()


def test_archive_that_a_node_has_is_not_imported_again(cluster: Cluster, tmp_path: Path) -> None:
    first = archive(tmp_path, "first.tar", "train:dev", "sha256:1")
    cluster.load_images([first])
    cluster.load_images([first, archive(tmp_path, "other.tar", "other:dev", "sha256:2")])
    assert imported(tmp_path) == ["first.tar", "other.tar"]


def test_archive_whose_name_stands_for_another_by_now_is_imported_again(cluster: Cluster, tmp_path: Path) -> None:
    first = archive(tmp_path, "first.tar", "train:dev", "sha256:1")
    second = archive(tmp_path, "second.tar", "train:dev", "sha256:2")
    for path in (first, second, first):
        cluster.load_images([path])
    assert imported(tmp_path) == ["first.tar", "second.tar", "first.tar"]


def test_archive_that_was_built_anew_is_imported_again(cluster: Cluster, tmp_path: Path) -> None:
    cluster.load_images([archive(tmp_path, "first.tar", "train:dev", "sha256:1")])
    (tmp_path / "first.tar").rename(tmp_path / "old.tar")
    cluster.load_images([archive(tmp_path, "first.tar", "train:dev", "sha256:2")])
    assert imported(tmp_path) == ["first.tar", "first.tar"]


def test_image_that_the_node_has_cleared_away_is_imported_again(cluster: Cluster, tmp_path: Path) -> None:
    first = archive(tmp_path, "first.tar", "train:dev", "sha256:1")
    cluster.load_images([first])
    (tmp_path / "images.json").write_text(json.dumps({}))
    cluster.load_images([first])
    assert imported(tmp_path) == ["first.tar", "first.tar"]
