"""The files of an MPI job: who runs ranks, how ssh finds and trusts them."""

from collections.abc import Sequence

from trainingjob.api.constants import SSH_AUTHORIZED_KEYS, SSH_CLIENT_KEY, SSH_HOST_KEY, SSH_KNOWN_HOSTS, SSH_PORT
from trainingjob.api.job import TrainingJob
from trainingjob.api.process_strategies import MpiImplementation
from trainingjob.plan.metadata import child_metadata, job_labels
from trainingjob.plan.model import KeySecret, Manifest, PlanRefusedError
from trainingjob.plan.mpi_scripts import DISCOVER_HOSTS, FILES_PATH, PREPARE, RUN_PATH, SESSION, USER, WORKER
from trainingjob.plan.names import key_secret_name, mpi_config_map_name

HOSTFILE_PATH = f"{FILES_PATH}/hostfile"

MAX_CONFIG_MAP_BYTES = 1_048_576
"""The most that a ConfigMap holds (Kubernetes' own limit on its data)."""


def hostfile(implementation: MpiImplementation, hosts: Sequence[str], slots: int) -> str:
    """Return the hostfile: a line for each host, in the form that the implementation reads."""
    form = "{} slots={}" if implementation is MpiImplementation.OPEN_MPI else "{}:{}"
    return "".join(form.format(host, slots) + "\n" for host in hosts)


def mpi_config_map(job: TrainingJob, hosts_text: str, workers: Sequence[str]) -> Manifest:
    """Return the ConfigMap with the files of an MPI job.

    Raises:
        PlanRefusedError: HostfileTooLarge, when the names of so many hosts fit into no ConfigMap.
    """
    data = {
        "hostfile": hosts_text,
        "workers": "".join(f"{host}\n" for host in workers),
        "ssh_config": _ssh_config(job.name),
        "sshd_config": _SSHD_CONFIG,
        "prepare.sh": PREPARE,
        "worker.sh": WORKER,
        "session.sh": SESSION,
        "discover_hosts.sh": DISCOVER_HOSTS,
    }
    _check_size(data, len(workers))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": child_metadata(job, mpi_config_map_name(job.name, job.uid), job_labels(job)),
        "immutable": True,
        "data": data,
    }


def key_secret(job: TrainingJob, attempt: int) -> KeySecret:
    """Return the Secret of an attempt's keys, without them."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": child_metadata(job, key_secret_name(job.name, job.uid, attempt), job_labels(job)),
        "type": "Opaque",
        "immutable": True,
    }
    return KeySecret(manifest, known_as=f"[{job.name}-*]:{SSH_PORT}")


def _check_size(data: dict[str, str], workers: int) -> None:
    size = sum(len(name) + len(text) for name, text in data.items())
    if size <= MAX_CONFIG_MAP_BYTES:
        return
    lists = len(data["hostfile"]) + len(data["workers"])
    fit = (MAX_CONFIG_MAP_BYTES - (size - lists)) * workers // lists
    raise PlanRefusedError(
        "HostfileTooLarge",
        f"The list of hosts would make a ConfigMap of {size} bytes and one holds at most {MAX_CONFIG_MAP_BYTES}: "
        f"spec.mpi.nodes can be about {fit} under this job's name; a shorter name makes room for more.",
    )


def _ssh_config(job: str) -> str:
    # Other hosts are left alone: a program may use ssh for its own purposes, to fetch code for example.
    return f"""\
Host {job}-*
    User {USER}
    Port {SSH_PORT}
    IdentityFile {RUN_PATH}/{SSH_CLIENT_KEY}
    IdentitiesOnly yes
    UserKnownHostsFile {RUN_PATH}/{SSH_KNOWN_HOSTS}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    CheckHostIP no
    UpdateHostKeys no
    BatchMode yes
    ConnectTimeout 20
    ConnectionAttempts 10
    ServerAliveInterval 15
    ServerAliveCountMax 3
    LogLevel ERROR
"""


# StrictModes: the folder of the keys is a volume, which anybody in the pod may write to.
# MaxStartups: hundreds of daemons may be started at the same moment.
_SSHD_CONFIG = f"""\
Port {SSH_PORT}
HostKey {RUN_PATH}/{SSH_HOST_KEY}
AuthorizedKeysFile {RUN_PATH}/{SSH_AUTHORIZED_KEYS}
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
DisableForwarding yes
PidFile none
PrintMotd no
MaxStartups 1000
MaxSessions 1000
ClientAliveInterval 15
ClientAliveCountMax 3
LogLevel ERROR
ForceCommand /bin/sh {FILES_PATH}/session.sh
"""
