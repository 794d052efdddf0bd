"""What the components of a cluster are told."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from devtools.cluster import settings
from devtools.cluster.components import Component, components
from devtools.cluster.state import OWN, State

TOOLS = {name: f"/tools/{name}" for name in ("kubernetes", "etcd", "containerd", "coredns", "pause", "helm")}
PORTS = {
    "etcd": 21001,
    "etcd-peer": 21002,
    "etcd-health": 21003,
    "kube-apiserver": 21004,
    "kube-controller-manager": 21005,
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "a cache"))


@pytest.fixture
def bare() -> State:
    """Return a cluster without nodes."""
    return State("bare", OWN, 0, "1.35.4", ports=PORTS, tools={name: TOOLS[name] for name in ("kubernetes", "etcd")})


@pytest.fixture
def full() -> State:
    """Return a cluster of two nodes."""
    return State("full", OWN, 2, "1.35.4", prefix="10.200", tools=TOOLS)


def _named(state: State, name: str) -> Component:
    return next(component for component in components(state) if component.name == name)


def test_without_nodes_three_processes_run_on_the_loopback_address(bare: State) -> None:
    assert [part.name for part in components(bare)] == ["etcd", "kube-apiserver", "kube-controller-manager"]
    assert all(part.health.split("//")[1].startswith("127.0.0.1:2100") for part in components(bare))
    assert not any(part.machine or part.creates for part in components(bare))


def test_without_nodes_no_program_of_a_node_is_needed(bare: State) -> None:
    programs = {part.command[0] for part in components(bare)}
    assert programs == {
        "/tools/etcd/etcd",
        "/tools/kubernetes/kube-apiserver",
        "/tools/kubernetes/kube-controller-manager",
    }


def test_each_node_has_its_machine_and_three_processes_on_it(full: State) -> None:
    on_second = [part.name for part in components(full) if part.machine == "node-2"]
    assert on_second == ["containerd-2", "kubelet-2", "kube-proxy-2"]
    assert [part.name for part in components(full) if part.creates] == ["control-plane", "node-1", "node-2"]


def test_a_machine_stands_before_what_runs_on_it(full: State) -> None:
    names = [part.name for part in components(full)]
    assert all(names.index(part.machine) < names.index(part.name) for part in components(full) if part.machine)


def test_the_api_server_authorizes_nodes_and_roles_and_records_writes(full: State, bare: State) -> None:
    for state in (full, bare):
        command = _named(state, "kube-apiserver").command
        assert "--authorization-mode=Node,RBAC" in command
        assert f"--audit-log-path={state.directory / 'audit.log'}" in command
        assert not any("max-requests-inflight" in word for word in command)


def test_the_audit_policy_records_writes_and_all_that_service_accounts_of_users_ask_for() -> None:
    writes, of_the_system, of_accounts, rest = yaml.safe_load(settings.AUDIT_POLICY)["rules"]
    assert writes["level"] == "Metadata"
    assert set(writes["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"}
    assert of_the_system == {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]}
    assert of_accounts == {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}
    assert rest == {"level": "None"}


def test_controllers_take_no_part_in_elections_that_an_outage_would_make_them_lose(full: State) -> None:
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert "--leader-elect=false" in _named(full, name).command


def test_containerd_settings_are_toml_with_the_project_s_sandbox_image(full: State) -> None:
    parsed = tomllib.loads(settings.containerd_settings(full, 1, "/usr/lib/cni"))
    images = parsed["plugins"]["io.containerd.cri.v1.images"]
    assert images["pinned_images"]["sandbox"] == settings.SANDBOX_IMAGE
    assert parsed["plugins"]["io.containerd.cri.v1.runtime"]["cni"]["bin_dirs"] == ["/usr/lib/cni"]


def test_each_kubelet_has_its_own_control_group_and_keeps_images(full: State) -> None:
    first, second = (json.loads(settings.kubelet_settings(full, index)) for index in (1, 2))
    assert first["cgroupRoot"] != second["cgroupRoot"]
    assert first["cgroupRoot"] == f"/{full.key}-1"
    assert first["imageGCHighThresholdPercent"] == 100


def test_pods_of_two_nodes_come_from_two_subnets(full: State) -> None:
    subnets = [json.loads(settings.pod_network(full, index))["plugins"][0]["ipam"]["ranges"] for index in (1, 2)]
    assert subnets == [[[{"subnet": "10.200.1.0/24"}]], [[{"subnet": "10.200.2.0/24"}]]]


def test_kube_proxy_translates_the_sender_of_everything_but_its_own_pods(full: State) -> None:
    assert json.loads(settings.proxy_settings(full, 2))["clusterCIDR"] == "10.200.2.0/24"


def test_a_folder_with_spaces_survives_the_boot_script(full: State) -> None:
    script = settings.boot_script(full, 1)
    assert f"mount --bind '{full.directory}/node-1'/run /run" in script


def test_dns_answers_on_the_control_plane_s_address(full: State) -> None:
    assert "bind 10.200.0.1" in settings.corefile(full)
    assert settings.resolv_conf(full) == "nameserver 10.200.0.1\n"
    assert json.loads(settings.kubelet_settings(full, 1))["clusterDNS"] == ["10.200.0.1"]
