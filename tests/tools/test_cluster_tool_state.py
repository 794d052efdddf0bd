"""A cluster is known by its name; what was chosen for it stays."""

from pathlib import Path

import pytest

from devtools.cluster import Cluster, ClusterError
from devtools.cluster.choices import choose, compare
from devtools.cluster.state import GIVEN, KIND, OWN, State, every, find

LOOPBACK = ["etcd", "etcd-health", "etcd-peer", "kube-apiserver", "kube-controller-manager"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder."""
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path))
    return tmp_path


def test_choices_are_read_back_as_they_were_saved() -> None:
    state = State("one", OWN, 0, "1.35.4", ports={"etcd": 21000}, tools={"etcd": "/x"})
    state.save()
    assert find("one") == state
    assert [found.name for found in every()] == ["one"]


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "a" * 33, "-a", "a b"])
def test_a_name_that_could_be_something_else_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cannot name a cluster"):
        find(name)


def test_a_cluster_that_is_not_there_says_how_to_make_it() -> None:
    with pytest.raises(ClusterError, match="scripts/cluster up --name other"):
        Cluster.load("other")


def test_keys_fit_into_a_device_s_name_and_differ_between_cache_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [State(name, OWN, 1, "1.35.4").key for name in ("one", "a" * 32)]
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "other"))
    keys.append(State("one", OWN, 1, "1.35.4").key)
    assert len(set(keys)) == 3
    assert all(len(key) <= 15 for key in keys)


def test_a_new_cluster_without_nodes_writes_its_ports_down_before_anything_starts() -> None:
    state = choose("one", 0, None, None, own=False)
    assert sorted(state.ports) == LOOPBACK
    assert find("one") == state


def test_two_clusters_choose_different_ports() -> None:
    first = choose("one", 0, None, None, own=False)
    second = choose("two", 0, None, None, own=False)
    assert not set(first.ports.values()) & set(second.ports.values())


def test_a_given_kubeconfig_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.touch()
    state = choose("one", None, None, path, own=False)
    assert (state.provider, state.kubeconfig) == (GIVEN, path)


def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="There is no kubeconfig"):
        choose("one", None, None, tmp_path / "nothing", own=False)


def test_nodes_of_a_version_that_has_no_kubelet_are_refused() -> None:
    with pytest.raises(ClusterError, match="add --nodes 0"):
        choose("one", 1, "1.30", None, own=True)


@pytest.mark.parametrize("nodes", [-1, 101])
def test_an_impossible_number_of_nodes_is_refused(nodes: int) -> None:
    with pytest.raises(ClusterError, match="0 to 100 nodes"):
        choose("one", nodes, None, None, own=True)


def test_another_cluster_of_the_same_name_is_refused_with_the_differences() -> None:
    state = State("one", OWN, 2, "1.35.4")
    with pytest.raises(ClusterError, match=r"with 2 nodes and Kubernetes 1\.35\.4.*down --name one"):
        compare(state, 0, "1.30", None)


def test_a_cluster_is_itself_when_nothing_is_asked_for() -> None:
    compare(State("one", OWN, 2, "1.35.4"), None, None, None)


@pytest.mark.parametrize(("provider", "who"), [(GIVEN, "somebody else"), (KIND, "kind")])
def test_parts_of_a_cluster_that_others_run_are_out_of_reach(provider: str, who: str) -> None:
    cluster = Cluster(State("one", provider, 1, "", given="/config"))
    with pytest.raises(ClusterError, match=rf"run by {who}, so etcd is out of reach.*--own"):
        cluster.stop("etcd")


def test_images_for_a_given_cluster_need_a_registry(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.touch()
    with pytest.raises(ClusterError, match="push the image to a registry"):
        Cluster(State("one", GIVEN, 1, "", given="/config")).load_images([archive])


def test_an_archive_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"nothing\.tar is not a file"):
        Cluster(State("one", OWN, 1, "1.35.4")).load_images([tmp_path / "nothing.tar"])


def test_a_component_that_does_not_exist_is_refused_with_those_that_do() -> None:
    tools = {"kubernetes": "/k", "etcd": "/e"}
    with pytest.raises(ClusterError, match="etcd, kube-apiserver, kube-controller-manager"):
        Cluster(State("one", OWN, 0, "1.35.4", tools=tools)).kill("kubelet-1")


def test_a_cluster_that_never_came_up_says_so() -> None:
    with pytest.raises(ClusterError, match="has not come up yet: scripts/cluster up --name one"):
        Cluster(State("one", OWN, 1, "1.35.4")).start("etcd")


def test_proxies_of_the_caller_do_not_stand_between_it_and_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", "example.com")
    found = Cluster(State("one", OWN, 1, "1.35.4", prefix="10.201", tools={"helm": "/h"})).environment()
    assert found["NO_PROXY"] == "10.201.0.1,example.com"
    assert found["PATH"].startswith("/h:")
