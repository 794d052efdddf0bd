"""A cluster as tests and commands see it: where it is, how it is, what can be done to its parts."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from devtools.cluster import external, lifecycle
from devtools.cluster.api import Api
from devtools.cluster.components import components
from devtools.cluster.errors import ClusterError
from devtools.cluster.health import Condition, examine
from devtools.cluster.images import import_everywhere
from devtools.cluster.kubeconfig import kubeconfig_text, write_private
from devtools.cluster.nodes import Node, read_nodes
from devtools.cluster.prepare import authority
from devtools.cluster.state import GIVEN, KIND, OWN, State, find, lock_of
from devtools.cluster.toolsets import HELM
from devtools.locking import locked

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


class Cluster:
    """One cluster, found by its name; nothing about it is remembered here, so any number of these may exist."""

    def __init__(self, state: State) -> None:
        self._state = state

    @classmethod
    def load(cls, name: str = "default") -> "Cluster":
        """Return the cluster of this name, whether it runs at the moment or not.

        Raises:
            ClusterError: when there is none.
        """
        state = find(name)
        if state is None:
            raise ClusterError(f"There is no cluster '{name}'. Make it: scripts/cluster up --name {name}")
        return cls(state)

    @property
    def name(self) -> str:
        """Return its name."""
        return self._state.name

    @property
    def directory(self) -> Path:
        """Return the folder that holds everything of it."""
        return self._state.directory

    @property
    def provider(self) -> str:
        """Return who runs it: `own`, `kind` or `given`."""
        return self._state.provider

    @property
    def node_count(self) -> int:
        """Return how many nodes it was asked to have."""
        return self._state.nodes

    @property
    def kubernetes(self) -> str:
        """Return the version that it was asked to run."""
        return self._state.kubernetes

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of an administrator."""
        return self._state.kubeconfig

    @property
    def audit_log(self) -> Path:
        """Return the API server's record of every write: one JSON object for each line.

        Raises:
            ClusterError: when somebody else runs the cluster.
        """
        self._require_own("the audit log")
        return self.directory / "audit.log"

    @property
    def host_address(self) -> str:
        """Return the address under which pods reach programs of this machine.

        Raises:
            ClusterError: when somebody else runs the cluster, or it has no nodes.
        """
        self._require_own("the host's address")
        if not self._state.nodes:
            raise ClusterError(f"Cluster '{self.name}' has no nodes, so it has no pods that could reach this machine.")
        return self._state.network.host

    def environment(self) -> dict[str, str]:
        """Return the variables that point kubectl, helm and ctr at the cluster; PATH is this process's, extended."""
        # A cluster without nodes does not build Helm, but whoever has it wants it.
        built = [str(HELM.home())] if HELM.home().exists() else []
        folders = dict.fromkeys([*self._state.tools.values(), *built])
        found = {"KUBECONFIG": str(self.kubeconfig), "PATH": ":".join([*folders, os.environ.get("PATH", "")])}
        if self.provider == OWN:
            # What kubectl remembers about a server goes by the address, which the next cluster may have.
            found["KUBECACHEDIR"] = str(self.directory / "kubectl")
        if self.provider == OWN and self._state.nodes:
            socket = self.directory / "node-1" / "run" / "containerd" / "containerd.sock"
            found |= {"CONTAINERD_ADDRESS": str(socket), "CONTAINERD_NAMESPACE": "k8s.io"}
            found["TRAININGJOB_HOST_ADDRESS"] = self.host_address
        if self.provider == OWN and any(os.environ.get(name) for name in _PROXIES):
            found |= {name: f"{self._state.address},{os.environ.get(name, '')}" for name in ("NO_PROXY", "no_proxy")}
        return found

    def full_environment(self) -> dict[str, str]:
        """Return this process's variables with those of `environment`."""
        return {**os.environ, **self.environment()}

    def program(self, name: str) -> str:
        """Return the path of a client program: kubectl, helm or ctr.

        Raises:
            ClusterError: when neither the cluster's tools nor PATH have it.
        """
        found = shutil.which(name, path=self.environment()["PATH"])
        if found is None:
            raise ClusterError(f"{name} is not there: scripts/cluster tools {name}")
        return found

    def status(self) -> list[Condition]:
        """Return how each of its processes is; of a cluster that somebody else runs, how the API server is."""
        if self.provider != OWN:
            return [external.condition(self._state)]
        return [examine(self._state, component) for component in components(self._state)] if self._state.tools else []

    def nodes(self) -> list[Node]:
        """Return its nodes as the API server knows them.

        Raises:
            ClusterError: when the API server cannot be reached.
        """
        if self.provider != OWN:
            return external.nodes(self._state)
        try:
            with closing(Api(self.kubeconfig)) as api:
                return read_nodes(api.get("/api/v1/nodes"))
        except OSError as error:
            raise ClusterError(f"The API server of cluster '{self.name}' cannot be reached: {error}") from error

    def start(self, component: str) -> None:
        """Start a component that does not run, and wait until it is well.

        Args:
            component: as `status` names it; a machine (`node-2`, `control-plane`) starts with everything on it.
        """
        self._require_own(component)
        with locked(lock_of(self.name)):
            lifecycle.start(self._state, component)

    def stop(self, component: str) -> None:
        """Ask a component to end, kill it after 15 s, and wait until it is gone.

        Args:
            component: as `status` names it; with a machine ends everything on it at once, as in a power cut.
        """
        self._require_own(component)
        with locked(lock_of(self.name)):
            lifecycle.stop(self._state, component)

    def kill(self, component: str) -> None:
        """End a component at once, without a chance to say good-bye, and wait until it is gone."""
        self._require_own(component)
        with locked(lock_of(self.name)):
            lifecycle.stop(self._state, component, grace=0)

    def pid(self, component: str) -> int | None:
        """Return the pid of a component, None when it does not run."""
        self._require_own(component)
        return examine(self._state, lifecycle.component(self._state, component), 0.1).pid

    def load_images(self, archives: Sequence[Path]) -> None:
        """Give every node the images of archives as `docker save` writes them.

        Raises:
            ClusterError: when the cluster takes images from a registry only, or an archive is missing.
        """
        for archive in archives:
            if not archive.is_file():
                raise ClusterError(f"{archive} is not a file.")
        if self.provider == GIVEN:
            raise ClusterError(
                f"Cluster '{self.name}' was given by a kubeconfig, so nothing can be loaded into its nodes: push the "
                "image to a registry that the cluster can pull from, and name it there."
            )
        if self.provider == KIND:
            external.load_into_kind(self._state, archives)
            return
        if not self._state.nodes:
            raise ClusterError(f"Cluster '{self.name}' has no nodes that could run an image.")
        import_everywhere(self._state, archives)

    def user_kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return a kubeconfig for a user without any rights but those that the cluster binds to the name or groups.

        Raises:
            ClusterError: when somebody else runs the cluster and its authority's key is elsewhere.
        """
        self._require_own("a certificate for a user")
        signer = authority(self._state)
        with locked(lock_of(self.name)):
            name = f"user-{hashlib.sha256('/'.join([user, *groups]).encode()).hexdigest()[:16]}"
            pair = signer.issue(name, user, groups)
            text = kubeconfig_text(self.name, self._state.server, signer.pair.certificate, user, pair)
            path = self.directory / f"{name}.kubeconfig"
            write_private(path, text)
        return path

    def _require_own(self, what: str) -> None:
        if self.provider != OWN:
            raise ClusterError(
                f"Cluster '{self.name}' is run by {'kind' if self.provider == KIND else 'somebody else'}, so {what} is "
                "out of reach. A cluster that this tool runs itself has it: scripts/cluster up --own --name ANOTHER"
            )
