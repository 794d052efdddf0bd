"""Clusters get networks and ports that nothing else on the machine uses."""

import socket

import pytest

from devtools.cluster.addresses import MAX_NODES, Network, NoAddressLeftError, choose_ports, choose_prefix, routed
from devtools.cluster.links import bridge_commands, host_commands, node_commands, route_commands

NET = Network("10.200", "tj0123abcd")


def test_the_first_candidate_is_taken_on_a_machine_without_private_networks() -> None:
    assert choose_prefix(["192.168.1.0/24", "127.0.0.0/8"]) == "10.200"


@pytest.mark.parametrize("used", ["10.200.0.0/16", "10.200.7.0/24", "10.200.0.254", "10.200.0.0/15"])
def test_a_network_that_overlaps_a_route_is_passed_over(used: str) -> None:
    assert choose_prefix([used]) not in ("10.200", "")


def test_a_vpn_over_all_of_ten_leads_to_another_range() -> None:
    assert choose_prefix(["10.0.0.0/8"]) == "172.20"


def test_no_network_left_says_what_can_be_done() -> None:
    with pytest.raises(NoAddressLeftError, match="down --all"):
        choose_prefix(["10.0.0.0/8", "172.16.0.0/12", "100.64.0.0/10"])


def test_routes_are_read_without_the_default_one_and_without_ipv6() -> None:
    listed: list[dict[str, object]] = [
        {"dst": "default"},
        {"dst": "192.0.2.0/24"},
        {"dst": "fd00::/64"},
        {"dst": "10.1.2.3"},
    ]
    assert routed(listed) == ["192.0.2.0/24", "10.1.2.3"]


def test_addresses_of_control_plane_nodes_pods_and_services_never_meet() -> None:
    nodes = [NET.node(index) for index in range(1, MAX_NODES + 1)]
    pods = [NET.pods(index) for index in range(1, MAX_NODES + 1)]
    assert len({NET.control_plane, NET.host, *nodes}) == MAX_NODES + 2
    assert len({*pods, "10.200.0.0/24"}) == MAX_NODES + 1
    assert int(NET.service_subnet.split(".")[2]) > MAX_NODES


def test_ports_are_distinct_and_avoid_those_of_other_clusters() -> None:
    names = [f"component-{index}" for index in range(20)]
    first = choose_ports(names, [])
    second = choose_ports(names, first.values())
    assert len({*first.values(), *second.values()}) == 40


def test_a_port_in_use_is_not_chosen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        everything_but_one = [other for other in range(20000, 32000) if other != port]
        with pytest.raises(NoAddressLeftError):
            choose_ports(["a"], everything_but_one)


def test_the_host_reaches_the_whole_cluster_through_its_one_link() -> None:
    assert host_commands(NET)[-1] == "route add 10.200.0.0/16 via 10.200.0.1 dev tj0123abcd"


def test_a_node_reaches_everything_through_the_control_plane() -> None:
    assert "addr add 10.200.0.12/24 dev eth0" in node_commands(NET, 2)
    assert node_commands(NET, 2)[-1] == "route add default via 10.200.0.1"
    assert "addr add 10.200.0.1/24 dev lan" in bridge_commands(NET)


def test_bridge_keeps_its_address_when_a_node_goes() -> None:
    assert "link add lan address 02:00:00:00:00:01 type bridge" in bridge_commands(NET)


def test_services_are_routed_to_the_first_node_only() -> None:
    assert route_commands(NET, 1) == [
        "route replace 10.200.1.0/24 via 10.200.0.11",
        "route replace 10.200.240.0/20 via 10.200.0.11",
    ]
    assert route_commands(NET, 2) == ["route replace 10.200.2.0/24 via 10.200.0.12"]
