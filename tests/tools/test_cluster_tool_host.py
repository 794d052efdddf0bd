"""What the tool does to the machine it runs on, and takes back."""

from pathlib import Path

import pytest

from devtools.cluster import cgroups, kernel
from devtools.cluster.lifecycle import mounts_below
from devtools.cluster.packages import refusal
from devtools.cluster.state import OWN, State
from devtools.progress import Progress

ROOT = 0
USER = 1000


def test_nodes_need_root_and_the_refusal_names_what_works_without() -> None:
    assert "--nodes 0" in refusal(1, [], USER, has_apt=True)
    assert refusal(0, [], USER, has_apt=True) == ""


def test_missing_packages_are_named_where_they_cannot_be_installed() -> None:
    assert "openssl" in refusal(0, ["openssl"], USER, has_apt=True)
    assert "runc iptables" in refusal(1, ["runc", "iptables"], ROOT, has_apt=False)
    assert refusal(1, ["runc"], ROOT, has_apt=True) == ""


@pytest.fixture
def limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the settings of a kernel with room for few watchers, seen by root."""
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("os.geteuid", lambda: ROOT)
    folder = tmp_path / "sys" / "fs" / "inotify"
    folder.mkdir(parents=True)
    (folder / "max_user_instances").write_text("128\n")
    (folder / "max_user_watches").write_text("9999999\n")
    return tmp_path / "sys"


def test_a_limit_that_is_too_low_is_raised_until_the_last_cluster_is_down(limits: Path) -> None:
    instances = limits / "fs" / "inotify" / "max_user_instances"
    kernel.raise_limits(Progress("test"), limits)
    assert int(instances.read_text()) == 8192
    kernel.restore_limits(limits)
    assert int(instances.read_text()) == 128


def test_a_limit_that_is_high_enough_is_left_alone(limits: Path) -> None:
    kernel.raise_limits(Progress("test"), limits)
    assert int((limits / "fs" / "inotify" / "max_user_watches").read_text()) == 9999999


def test_limits_stay_while_another_cluster_is_up(limits: Path) -> None:
    State("other", OWN, 0, "1.35.4").save()
    kernel.raise_limits(Progress("test"), limits)
    kernel.restore_limits(limits)
    assert int((limits / "fs" / "inotify" / "max_user_instances").read_text()) == 8192


def test_limits_raised_twice_go_back_to_where_they_were_first(limits: Path) -> None:
    kernel.raise_limits(Progress("test"), limits)
    (limits / "fs" / "inotify" / "max_user_instances").write_text("256")
    kernel.raise_limits(Progress("test"), limits)
    kernel.restore_limits(limits)
    assert int((limits / "fs" / "inotify" / "max_user_instances").read_text()) == 128


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """Return the top of a tree of control groups with a hierarchy for each controller."""
    for controller in ("cpuset", "memory"):
        (tmp_path / controller).mkdir()
        (tmp_path / controller / "cgroup.procs").touch()
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0\n")
    (tmp_path / "link").symlink_to("memory")
    return tmp_path


def test_a_group_is_made_in_every_hierarchy_with_the_processors_of_its_parent(version_1: Path) -> None:
    cgroups.create("tj-1", version_1)
    assert (version_1 / "memory" / "tj-1").is_dir()
    assert (version_1 / "cpuset" / "tj-1" / "cpuset.cpus").read_text() == "0-1\n"


def test_groups_are_removed_with_all_below_and_others_stay(version_1: Path) -> None:
    for name in ("tja-1/pods/one", "tja-2", "tjb-1"):
        (version_1 / "memory" / name).mkdir(parents=True)
    assert cgroups.existing("tja-", version_1) == {"tja-1", "tja-2"}
    cgroups.remove("tja-1", version_1)
    assert cgroups.existing("tj", version_1) == {"tja-2", "tjb-1"}


def test_with_version_2_there_is_one_tree_whose_controllers_are_handed_down(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").touch()
    cgroups.create("tj-1", tmp_path)
    assert (tmp_path / "tj-1").is_dir()
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_mounts_below_a_folder_are_found_deepest_first_and_no_others() -> None:
    table = [
        "1 0 8:1 / / rw - ext4 /dev/x rw",
        r"2 1 8:1 / /a/clusters/x/one\040two rw - ext4 /dev/x rw",
        "3 1 8:1 / /a/clusters/x/one rw - ext4 /dev/x rw",
        "4 1 8:1 / /a/clusters/xy rw - ext4 /dev/x rw",
    ]
    assert mounts_below(Path("/a/clusters/x"), table) == ["/a/clusters/x/one two", "/a/clusters/x/one"]
