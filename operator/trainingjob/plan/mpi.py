"""MPI: workers that serve ssh, and a launcher that starts the ranks on them."""

from dataclasses import dataclass

from trainingjob.api.constants import (
    PREPARE_CONTAINER,
    SSH_AUTHORIZED_KEYS,
    SSH_CLIENT_KEY,
    SSH_HOST_KEY,
    SSH_KNOWN_HOSTS,
    SSH_PORT,
)
from trainingjob.api.job import TrainingJob
from trainingjob.api.process_strategies import Mpi, MpiImplementation
from trainingjob.api.processes import is_mpi_starter, mpi_workers, processes_per_node
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.plan.layout import Layout, Preparation, Program, count_roles
from trainingjob.plan.model import KeySecret, Manifest
from trainingjob.plan.mpi_environment import implementation_variables
from trainingjob.plan.mpi_files import HOSTFILE_PATH, hostfile, key_secret, mpi_config_map
from trainingjob.plan.mpi_scripts import FILES_PATH, KEYS_PATH, RUN_PATH
from trainingjob.plan.names import pod_name
from trainingjob.plan.role_spec import RoleSpec
from trainingjob.plan.volumes import own_volume_name

TREE_ABOVE = 64
"""Above so many hosts the starters let workers start others: only then do workers hold the client's private key.

Open MPI starts its daemons over a tree of this radix (`routed_radix`, `prte_rml_radix`: 64 by default).
"""

_OWN_ENVIRONMENT = {MpiImplementation.MPICH: ("-genvnone",), MpiImplementation.INTEL_MPI: ("-genvnone",)}
"""Keeps Hydra from giving every rank the launcher's whole environment in place of its own pod's."""

_FILES, _KEYS, _RUN = own_volume_name("mpi"), own_volume_name("keys"), own_volume_name("run")
_MOUNTS: tuple[Manifest, ...] = (
    {"name": _FILES, "mountPath": FILES_PATH, "readOnly": True},
    {"name": _RUN, "mountPath": RUN_PATH},
)
_PORTS: tuple[Manifest, ...] = ({"name": "ssh", "port": SSH_PORT, "targetPort": SSH_PORT},)
_SERVES: Manifest = {
    "tcpSocket": {"port": SSH_PORT},
    "periodSeconds": 1,
    "timeoutSeconds": 1,
    # An sshd that cannot start ends by itself; the probe is here to be asked, never to kill.
    "failureThreshold": 86_400,
}


def lay_out_mpi(job: TrainingJob, spec: TrainingJobSpec, mpi: Mpi) -> Layout:
    """Return the layout of an MPI job; the launcher decides its end.

    Raises:
        PlanRefusedError: when the list of hosts fits into no ConfigMap.
    """
    workers = [f"{pod_name(job.name, Role.WORKER, index)}.{job.name}" for index in range(mpi_workers(mpi))]
    launcher = [f"{pod_name(job.name, Role.LAUNCHER, 0)}.{job.name}"] if mpi.launcher_runs_worker else []
    slots = processes_per_node(spec)
    config_map = mpi_config_map(job, hostfile(mpi.implementation, [*launcher, *workers], slots), workers)
    variables = _variables(mpi, slots)
    pods = _Pods(job, mpi, slots, len(workers), config_map["metadata"]["name"])
    return Layout(
        counts=count_roles(launcher=True, workers=len(workers)),
        primary=Role.LAUNCHER,
        tell=lambda _role, _index: variables,
        ports=_PORTS,
        config_maps=(config_map,),
        key_secrets=pods.key_secrets,
        program=pods.program,
        # Whatever a rank prints goes through ssh to whoever has started it.
        prints=lambda role: role is Role.LAUNCHER,
    )


def launcher_command(mpi: Mpi, chosen: RoleSpec, slots: int) -> tuple[list[str], list[str] | None]:
    """Return command and args of the launcher: the user's program under `mpirun`, or their own starter as it is."""
    command = chosen.command or []
    if is_mpi_starter(command[0]):
        return command, chosen.args
    own = _OWN_ENVIRONMENT.get(mpi.implementation, ())
    return ["mpirun", "-np", str(mpi.nodes * slots), *own, *(mpi.args or ()), *command], chosen.args


def _variables(mpi: Mpi, slots: int) -> list[Manifest]:
    values = {
        "TRAININGJOB_HOSTFILE": HOSTFILE_PATH,
        "TRAININGJOB_PROCESSES": str(mpi.nodes * slots),
        "TRAININGJOB_PROCESSES_PER_NODE": str(slots),
        **implementation_variables(mpi.implementation, slots, mpi.network_interface),
    }
    return [{"name": name, "value": value} for name, value in values.items()]


@dataclass(frozen=True, slots=True)
class _Pods:
    """What the pods of one MPI job are made of."""

    job: TrainingJob
    mpi: Mpi
    slots: int
    workers: int
    config_map: str

    def program(self, role: Role, chosen: RoleSpec) -> Program:
        """Return what a role runs: the launcher the user's program, a worker sshd."""
        if role is Role.LAUNCHER:
            command, args = launcher_command(self.mpi, chosen, self.slots)
            prepare = ["launcher", self.mpi.implementation.value, command[0]]
        else:
            command, args = ["/bin/sh", f"{FILES_PATH}/worker.sh"], None
            prepare = ["worker"]
        return Program(
            command,
            args,
            self._preparation(prepare),
            volumes=(
                {"name": _FILES, "configMap": {"name": self.config_map, "defaultMode": 0o555}},
                {"name": _RUN, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            ),
            attempt_volumes=lambda attempt: self._key_volumes(role, attempt),
            mounts=(
                *_MOUNTS,
                {"name": _RUN, "mountPath": "/etc/passwd", "subPath": "passwd", "readOnly": True},
                {"name": _FILES, "mountPath": "/etc/ssh/ssh_config", "subPath": "ssh_config", "readOnly": True},
            ),
            startup_probe=_SERVES if role is Role.WORKER else None,
        )

    def key_secrets(self, attempt: int) -> tuple[KeySecret, ...]:
        """Return the Secret of an attempt; a launcher that runs every rank itself needs none."""
        return (key_secret(self.job, attempt),) if self.workers else ()

    def _preparation(self, words: list[str]) -> Preparation:
        keys = ({"name": _KEYS, "mountPath": KEYS_PATH, "readOnly": True},) if self.workers else ()
        return Preparation(PREPARE_CONTAINER, ["/bin/sh", f"{FILES_PATH}/prepare.sh", *words], (*_MOUNTS, *keys))

    def _key_volumes(self, role: Role, attempt: int) -> tuple[Manifest, ...]:
        client, host = (SSH_CLIENT_KEY, SSH_KNOWN_HOSTS), (SSH_HOST_KEY, SSH_AUTHORIZED_KEYS)
        in_tree = role is Role.WORKER and self.mpi.nodes > TREE_ABOVE
        items = client if role is Role.LAUNCHER else (*host, *(client if in_tree else ()))
        return tuple(
            {
                "name": _KEYS,
                "secret": {
                    "secretName": secret.manifest["metadata"]["name"],
                    "items": [{"key": item, "path": item} for item in items],
                    # Only the preparation mounts it, under whatever user the image has; the copies are private.
                    "defaultMode": 0o444,
                },
            }
            for secret in self.key_secrets(attempt)
        )
