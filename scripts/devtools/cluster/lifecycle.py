"""Start and end the parts of a cluster that this tool runs itself; every function may be repeated at any time."""

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from devtools.cluster import cgroups, links, processes, settings
from devtools.cluster.building import in_parallel
from devtools.cluster.components import CONTROL_PLANE, PROVISIONER, Component, components, node_name
from devtools.cluster.errors import ClusterError
from devtools.cluster.health import log_tail, pid_file, running, wait_until_well
from devtools.cluster.images import import_sandbox, pods_possible
from devtools.cluster.packages import plugins_folder
from devtools.cluster.prepare import prepare_control_plane, prepare_machine, prepare_node
from devtools.cluster.state import State

_STOP_SECONDS = 15.0
_BOOT_SECONDS = 60.0
_START_SECONDS = 180.0


def component(state: State, name: str) -> Component:
    """Return the component of this name.

    Raises:
        ClusterError: when there is none; the message lists those that there are.
    """
    if not state.tools:
        raise ClusterError(f"Cluster '{state.name}' has not come up yet: scripts/cluster up --name {state.name}")
    known = {found.name: found for found in components(state)}
    if name not in known:
        raise ClusterError(f"Cluster '{state.name}' has no component '{name}'; it has: {', '.join(known)}.")
    return known[name]


def start(state: State, name: str) -> None:
    """Start a component that does not run, and wait until it is well; a machine starts with all that runs on it.

    Raises:
        ClusterError: when it does not become well, or its machine is down.
    """
    wanted = component(state, name)
    if name == CONTROL_PLANE:
        start_control_plane(state)
    elif wanted.creates:
        start_node(state, _index(name))
        wait_until_well(state, [part for part in components(state) if part.machine == name], _START_SECONDS)
    else:
        _spawn(state, wanted)
        wait_until_well(state, [wanted], _START_SECONDS)


def stop(state: State, name: str, *, grace: float = _STOP_SECONDS) -> None:
    """End a component, and with a machine all that runs on it, as a power cut would.

    Args:
        grace: seconds between the request to end and the kill; none when it is 0.
    """
    wanted = component(state, name)
    process = running(state, name)
    if process is not None:
        if wanted.creates and name != CONTROL_PLANE:
            _disconnect(state, _index(name))
        processes.end([process], grace)


def start_control_plane(state: State) -> None:
    """Start what does not run of the control plane, its machine first, and wait until it is well."""
    if state.nodes:
        machine = _boot(state, CONTROL_PLANE, settings.control_plane_script(state))
        if not links.host_connected(state):
            links.connect_host(state, machine)
    prepare_control_plane(state)
    parts = [part for part in components(state) if part.machine == CONTROL_PLANE or not state.nodes]
    first = [part for part in parts if part.name in ("etcd", "kube-apiserver")]
    # The others give up when they find no API server.
    for group in (first, [part for part in parts if part not in first]):
        for part in group:
            _spawn(state, part)
        wait_until_well(state, group, _START_SECONDS)
    for index in range(1, state.nodes + 1):
        _reconnect(state, index)


def start_node(state: State, index: int) -> None:
    """Start what does not run of a node, its machine first; kubelet and kube-proxy become well by themselves."""
    name, plugins = node_name(index), plugins_folder()
    if plugins is None:
        raise ClusterError("The network plugins are missing: apt-get install containernetworking-plugins")
    cgroups.create(f"{state.key}-{index}")
    _boot(state, name, settings.boot_script(state, index))
    _reconnect(state, index)
    prepare_node(state, index, plugins)
    containerd, *others = [part for part in components(state) if part.machine == name]
    if running(state, containerd.name) is None:
        _spawn(state, containerd)
        wait_until_well(state, [containerd], _START_SECONDS)
        _require_pods(state, index)
        import_sandbox(state, index)
    for part in others:
        _spawn(state, part)


def start_nodes(state: State) -> None:
    """Start every node and the provisioner, and wait until all of their components are well."""
    in_parallel([partial(start_node, state, index) for index in range(1, state.nodes + 1)])
    _spawn(state, component(state, PROVISIONER))
    wait_until_well(state, components(state), _START_SECONDS)


def end_everything(state: State) -> None:
    """End every process that was ever started for the cluster, whether it is remembered or not."""
    machines = [running(state, found.name) for found in components(state) if found.creates] if state.tools else []
    # A machine takes everything on it along, and its mounts and devices.
    processes.end([machine for machine in machines if machine is not None], 0)
    left = processes.marked(state.directory)
    processes.end(left, 0)
    links.remove(state)
    for name in sorted(cgroups.existing(f"{state.key}-")):
        cgroups.remove(name)


def end_forgotten(state: State) -> None:
    """End what an interrupted start has left running without having written down what it had started."""
    parts = components(state)
    remembered = {process.pid for part in parts if (process := running(state, part.name)) is not None}
    commands = [part.command for part in parts]
    if state.nodes:
        commands.append((state.program("pause", "pause"),))  # what a machine becomes
    forgotten = [
        process
        for process in processes.marked(state.directory)
        if process.pid not in remembered and any(processes.is_command(process, command) for command in commands)
    ]
    processes.end(forgotten, 0)


def mounts_below(directory: Path, table: Iterable[str]) -> list[str]:
    """Return the mount points below a folder, the deepest first.

    Args:
        table: the lines of /proc/self/mountinfo.
    """
    points = (line.split()[4].encode().decode("unicode_escape") for line in table)
    return sorted((point for point in points if point.startswith(f"{directory}/")), reverse=True)


def _boot(state: State, name: str, script: str) -> int:
    prepare_machine(state, name, lambda: script)
    _spawn(state, component(state, name))
    deadline = time.monotonic() + _BOOT_SECONDS
    while (process := running(state, name)) is not None:
        # It has settled when the shell has become the program that only waits.
        if processes.is_command(process, [state.program("pause", "pause")]):
            return process.pid
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    raise ClusterError(f"The namespaces of {name} could not be set up.{log_tail(state, name)}")


def _require_pods(state: State, index: int) -> None:
    # It answers on its socket even when the part that the kubelet needs could not be loaded.
    if not pods_possible(state, index):
        stop(state, f"containerd-{index}")
        raise ClusterError(f"containerd-{index} cannot run pods.{log_tail(state, f'containerd-{index}')}")


def _reconnect(state: State, index: int) -> None:
    control_plane, node = running(state, CONTROL_PLANE), running(state, node_name(index))
    if control_plane and node and not links.node_connected(index, control_plane.pid):
        links.connect_node(state, index, control_plane.pid, node.pid)


def _disconnect(state: State, index: int) -> None:
    """Unplug a node: its kernel would say good-bye to everybody whom its programs talk with."""
    control_plane = running(state, CONTROL_PLANE)
    if control_plane and links.node_connected(index, control_plane.pid):
        links.disconnect_node(index, control_plane.pid)


def _index(node: str) -> int:
    """Return the number in a node's name."""
    return int(node.rpartition("-")[2])


def _spawn(state: State, wanted: Component) -> None:
    if running(state, wanted.name) is not None:
        return
    machine = running(state, wanted.machine) if wanted.machine else None
    if wanted.machine and machine is None:
        raise ClusterError(f"{wanted.machine} is down, so {wanted.name} cannot run; start {wanted.machine} first.")
    process = processes.start(
        wanted.command,
        directory=state.directory,
        log=state.log(wanted.name),
        path=wanted.path,
        env=wanted.env,
        enter=machine.pid if machine else None,
        create=wanted.creates,
    )
    processes.write(pid_file(state, wanted.name), process)
