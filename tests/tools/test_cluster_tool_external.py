"""Clusters that kind runs, with stand-ins for `docker`, `kind` and `kubectl`."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from devtools.cluster import down, external, up
from devtools.cluster.state import KIND, State
from devtools.progress import Progress, StepFailed

_PROGRAM = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
home = pathlib.Path({home!r})
with (home / "calls").open("a") as log:
    log.write({name!r} + " " + " ".join(words) + "\\n")
if {name!r} == "docker":
    sys.exit((home / "no-docker").exists())
if {name!r} == "kind":
    names = home / "names"
    if words[:2] == ["get", "clusters"]:
        print(names.read_text() if names.exists() else "")
    if words[:2] == ["create", "cluster"]:
        if (home / "kind-fails").exists():
            print("kind's own words")
            sys.exit(1)
        names.write_text(words[words.index("--name") + 1])
if {name!r} == "kubectl" and "nodes" in words:
    ready = {{"type": "Ready", "status": "True"}}
    status = {{"conditions": [ready], "allocatable": {{"nvidia.com/gpu": "4"}}}}
    print(json.dumps({{"items": [{{"metadata": {{"name": "worker"}}, "status": status}}]}}))
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the stand-ins on PATH and return the folder that they share."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "kind", "kubectl", "helm"):
        (folder / name).write_text(_PROGRAM.format(python=sys.executable, home=str(tmp_path), name=name))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def _calls(home: Path) -> str:
    return (home / "calls").read_text()


def test_kind_is_used_where_docker_answers(home: Path) -> None:
    cluster = up("one", 1, progress=Progress("test"))
    assert cluster.provider == KIND
    assert f"kind create cluster --name {external.kind_name(State('one', KIND, 1, ''))}" in _calls(home)
    assert '"nvidia.com/gpu": "4"' in _calls(home)


def test_a_second_up_creates_nothing(home: Path) -> None:
    up("one", 1)
    up("one", 1)
    assert _calls(home).count("kind create") == 1


def test_down_deletes_the_cluster_and_forgets_it(home: Path) -> None:
    up("one", 1)
    down("one")
    assert "kind delete cluster" in _calls(home)
    assert not (home / "cache" / "clusters" / "one").exists()


def test_images_are_loaded_by_kind(home: Path) -> None:
    archive = home / "image.tar"
    archive.touch()
    up("one", 1).load_images([archive])
    assert f"kind load image-archive {archive}" in _calls(home)


def test_a_version_that_was_asked_for_is_kind_s_node_image(home: Path) -> None:
    up("one", 1, kubernetes="1.33.1")
    assert "--image kindest/node:v1.33.1" in _calls(home)


def test_a_failure_of_kind_shows_its_own_words(home: Path) -> None:
    (home / "kind-fails").touch()
    with pytest.raises(StepFailed, match=r"(?s)create the cluster with kind.*kind's own words"):
        up("one", 1)


def test_kind_is_passed_over_where_docker_does_not_answer(home: Path) -> None:
    (home / "no-docker").touch()
    assert not external.kind_works()


def test_one_node_takes_pods_itself_and_several_are_workers() -> None:
    roles = [[node["role"] for node in yaml.safe_load(external.kind_settings(nodes))["nodes"]] for nodes in (1, 2)]
    assert roles == [["control-plane"], ["control-plane", "worker", "worker"]]


def test_a_given_cluster_is_used_and_only_forgotten(home: Path) -> None:
    config = home / "config"
    config.write_text("somebody's")
    cluster = up("theirs", kubeconfig=config)
    assert cluster.environment()["KUBECONFIG"] == str(config)
    assert [node.name for node in cluster.nodes()] == ["worker"]
    down("theirs")
    assert config.read_text() == "somebody's"
    assert "kind" not in _calls(home)


def test_the_offer_of_gpus_is_a_patch_of_the_status(home: Path) -> None:
    up("one", 1)
    (line,) = [line for line in _calls(home).splitlines() if "patch node" in line]
    assert json.loads(line.partition("--patch=")[2]) == {"status": {"capacity": {"nvidia.com/gpu": "4"}}}
    assert "--subresource=status" in line
