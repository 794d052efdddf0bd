"""What the starters of the MPI implementations read from the environment: hosts, slots, and what pods forbid.

A command that brings its own `mpirun` finds its hosts the same way. Every variable may be set otherwise by the user.
"""

from collections.abc import Mapping

from trainingjob.api.process_strategies import MpiImplementation
from trainingjob.plan.mpi_files import HOSTFILE_PATH

_POD_INTERFACE = "eth0"
"""What container runtimes call a pod's own network. Told it, Hydra's daemons call the launcher back by its address; by
default they use its host name alone, which no other pod can resolve."""

_KEEPALIVE = {"time": "30", "intvl": "10", "probes": "3"}
"""Seconds of silence before a peer is asked, seconds between questions, questions: a lost node shows in a minute."""


def implementation_variables(
    implementation: MpiImplementation, processes_per_node: int, interface: str | None
) -> Mapping[str, str]:
    """Return the variables of an implementation; `interface` is the network interface to use, where one is chosen."""
    match implementation:
        case MpiImplementation.OPEN_MPI:
            return {**_OPEN_MPI, **(_open_mpi_interface(interface) if interface else {})}
        case MpiImplementation.INTEL_MPI:
            return {
                "I_MPI_HYDRA_HOST_FILE": HOSTFILE_PATH,
                "I_MPI_HYDRA_BOOTSTRAP": "ssh",
                "I_MPI_PERHOST": str(processes_per_node),
                "I_MPI_PIN": "off",
                "I_MPI_HYDRA_IFACE": interface or _POD_INTERFACE,
                **({"FI_TCP_IFACE": interface} if interface else {}),
            }
        case MpiImplementation.MPICH:
            return {
                "HYDRA_HOST_FILE": HOSTFILE_PATH,
                "HYDRA_LAUNCHER": "ssh",
                "HYDRA_IFACE": interface or _POD_INTERFACE,
                **({"FI_TCP_IFACE": interface} if interface else {}),
            }


# Version 5 moved hosts and daemons to PRRTE and its own prefix. Told by the old names alone it starts every rank on
# the launcher and calls that a success, so both versions' names are always set.
_OPEN_MPI: Mapping[str, str] = {
    "OMPI_MCA_orte_default_hostfile": HOSTFILE_PATH,
    "PRTE_MCA_prte_default_hostfile": HOSTFILE_PATH,
    "OMPI_MCA_orte_keep_fqdn_hostnames": "1",
    "PRTE_MCA_prte_keep_fqdn_hostnames": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
    # Reading another process' memory needs a right that restricted pods lack.
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_smsc": "^cma",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    **{f"{family}_MCA_oob_tcp_keepalive_{k}": v for family in ("OMPI", "PRTE") for k, v in _KEEPALIVE.items()},
}


def _open_mpi_interface(interface: str) -> dict[str, str]:
    return {
        "OMPI_MCA_btl_tcp_if_include": interface,
        "OMPI_MCA_oob_tcp_if_include": interface,
        "PRTE_MCA_prte_if_include": interface,
    }
