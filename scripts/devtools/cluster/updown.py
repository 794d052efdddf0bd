"""Bring clusters up and take them down."""

import shutil
import time
from contextlib import AbstractContextManager, closing
from pathlib import Path

from devtools.cluster import external, lifecycle
from devtools.cluster.api import Api, ApiError
from devtools.cluster.building import ensure
from devtools.cluster.choices import choose, compare, size
from devtools.cluster.cluster import Cluster
from devtools.cluster.errors import ClusterError
from devtools.cluster.health import wait_for
from devtools.cluster.kernel import raise_limits, restore_limits
from devtools.cluster.packages import ensure_packages
from devtools.cluster.state import GIVEN, KIND, OWN, State, find, lock_of
from devtools.cluster.storage import storage_class
from devtools.cluster.toolsets import HELM, ToolSet, kubectl, sets_for
from devtools.locking import locked
from devtools.progress import Progress


def up(
    name: str = "default",
    nodes: int | None = None,
    *,
    kubernetes: str | None = None,
    kubeconfig: Path | None = None,
    own: bool = False,
    progress: Progress | None = None,
) -> Cluster:
    """Return a cluster that works: the one of this name, mended where it is broken, else a new one.

    Args:
        nodes: 0 for a control plane alone; left out, a new cluster gets one.
        kubernetes: version, or the start of one; the project's usual one by default.
        kubeconfig: of a cluster that is there already and is to be used.
        own: make one that this tool runs itself, even where kind works.

    Raises:
        ClusterError: when the cluster of this name is another one, or what it needs is missing.
        StepFailed: when a step fails.
    """
    progress = progress or Progress("cluster")
    with _alone(name, progress):
        state = find(name)
        if state is None:
            state = choose(name, nodes, kubernetes, kubeconfig, own=own)
            state.save()
        else:
            compare(state, nodes, kubernetes, kubeconfig)
            if _is_well(Cluster(state)):
                progress.say(f"cluster '{name}' is up: {_describe(state)}")
                return Cluster(state)
        begun = time.monotonic()
        _bring_up(state, kubernetes, progress)
        progress.say(f"cluster '{name}' is up after {time.monotonic() - begun:.1f} s: {_describe(state)}")
        progress.say(f'use it: eval "$(scripts/cluster env --name {name})"')
        return Cluster(state)


def down(name: str = "default", *, progress: Progress | None = None) -> None:
    """Remove a cluster with everything that was started or written for it; one that is not there is fine.

    A cluster that was given by its kubeconfig is only forgotten.
    """
    progress = progress or Progress("cluster")
    with _alone(name, progress):
        state = find(name)
        if state is None:
            progress.say(f"there is no cluster '{name}'")
            return
        with progress.step(f"take cluster '{name}' down", 3):
            if state.provider == KIND:
                external.delete_kind(state)
            if state.provider == OWN:
                lifecycle.end_everything(state)
            _remove_folder(state.directory)
        restore_limits()


def _alone(name: str, progress: Progress) -> AbstractContextManager[None]:
    return locked(lock_of(name), lambda: progress.say(f"another command is busy with cluster '{name}'; waiting for it"))


def _bring_up(state: State, version: str | None, progress: Progress) -> None:
    if state.provider == OWN:
        ensure_packages(state.nodes, progress)
        raise_limits(progress)
        _build(state, sets_for(state.kubernetes, state.nodes), progress)
        _start_own(state, progress)
        return
    wanted = {"kubectl": kubectl(), "helm": HELM}
    _build(state, [tools for program, tools in wanted.items() if shutil.which(program) is None], progress)
    if state.provider == KIND:
        image = f"kindest/node:v{version.removeprefix('v')}" if version else ""
        with progress.step("create the cluster with kind", 60, state.log("kind")):
            external.create_kind(state, image)
    with progress.step("ask the API server", 1):
        if problem := external.condition(state).problem:
            raise ClusterError(problem)


def _build(state: State, sets: list[ToolSet], progress: Progress) -> None:
    state.tools = {tools: str(folder) for tools, folder in ensure(sets, progress).items()}
    state.save()


def _start_own(state: State, progress: Progress) -> None:
    lifecycle.end_forgotten(state)
    with progress.step("control plane", 5):
        lifecycle.start_control_plane(state)
    with closing(Api(state.kubeconfig)) as api:
        if state.nodes:
            with progress.step(size(state.nodes), 3 + 2 * state.nodes):
                lifecycle.start_nodes(state)
                api.create("/apis/storage.k8s.io/v1/storageclasses", storage_class())
                wait_for("every node is ready", lambda: _nodes_ready(Cluster(state)), 180)
        # Without it no pod can be created in the namespace.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        wait_for("the default service account exists", lambda: _exists(api, account), 60)


def _is_well(cluster: Cluster) -> bool:
    conditions = cluster.status()
    if not conditions or any(found.problem for found in conditions):
        return False
    return cluster.provider == GIVEN or _nodes_ready(cluster)


def _nodes_ready(cluster: Cluster) -> bool:
    found = cluster.nodes()
    return len(found) >= cluster.node_count and all(node.ready and node.gpus != "0" for node in found)


def _exists(api: Api, path: str) -> bool:
    try:
        api.get(path)
    except ApiError:
        return False
    return True


def _describe(state: State) -> str:
    if state.provider == GIVEN:
        return f"the one of {state.given}"
    return f"{'kind' if state.provider == KIND else f'Kubernetes {state.kubernetes}'}, {size(state.nodes)}"


def _remove_folder(directory: Path) -> None:
    with Path("/proc/self/mountinfo").open() as table:
        left = lifecycle.mounts_below(directory, table)
    if left:
        raise ClusterError(f"Something is still mounted in the cluster's folder, unmount it first: {' '.join(left)}")
    shutil.rmtree(directory)
