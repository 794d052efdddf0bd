"""The names of a job's children. That Kubernetes can have them is checked when the job is read."""

from trainingjob.api.constants import DNS_LABEL_MAX, TENSORBOARD_SUFFIX
from trainingjob.api.spec import Role


def pod_name(job: str, role: Role, index: int) -> str:
    """Return the name of a replica's pod, which is its host name too."""
    return f"{job}-{role.value}-{index}"


def config_map_name(job: str, uid: str) -> str:
    """Return the name of the ConfigMap of a job's cluster; it carries the uid, so that one that exists is the job's."""
    return f"{job}-{uid[:8]}-cluster"


def mpi_config_map_name(job: str, uid: str) -> str:
    """Return the name of the ConfigMap of an MPI job's files."""
    return f"{job}-{uid[:8]}-mpi"


def key_secret_name(job: str, uid: str, attempt: int) -> str:
    """Return the name of the Secret of an attempt's keys; its uid says whose it is: no Secret is ever read."""
    return f"{job}-{uid[:8]}-a{attempt}"


def tensorboard_name(job: str) -> str:
    """Return the name of the Deployment and of the Service of a job's TensorBoard."""
    return f"{job}{TENSORBOARD_SUFFIX}"


def gang_name(job: str, uid: str, attempt: int) -> str:
    """Return the name of the group of an attempt's pods, which is the value of a label as well: 63 characters."""
    ending = f"-{uid[:8]}-a{attempt}"
    return job[: DNS_LABEL_MAX - len(ending)].rstrip("-") + ending
