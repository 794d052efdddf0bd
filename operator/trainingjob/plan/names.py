"""The names of a job's children, and whether Kubernetes can have them."""

import re
from collections.abc import Mapping

from trainingjob.api.constants import DNS_LABEL_MAX
from trainingjob.api.spec import Role
from trainingjob.plan.model import PlanRefusedError

_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def pod_name(job: str, role: Role, index: int) -> str:
    """Return the name of a replica's pod, which is its host name too."""
    return f"{job}-{role.value}-{index}"


def config_map_name(job: str, uid: str) -> str:
    """Return the name of the ConfigMap of a job's cluster; it carries the uid, so that one that exists is the job's."""
    return f"{job}-{uid[:8]}-cluster"


def check_names(job: str, counts: Mapping[Role, int]) -> None:
    """Refuse a job whose name, or whose longest pod's name, Kubernetes cannot have.

    Raises:
        PlanRefusedError: InvalidName or NameTooLong; the text says by how many characters.
    """
    if not _DNS_1035.fullmatch(job):
        raise PlanRefusedError(
            "InvalidName",
            f"The name {job!r} cannot be a Service's: it must start with a letter, end with a letter or digit and "
            "have only small letters, digits and '-' between.",
        )
    longest = max((pod_name(job, role, count - 1) for role, count in counts.items()), key=len)
    excess = len(longest) - DNS_LABEL_MAX
    if excess > 0:
        raise PlanRefusedError(
            "NameTooLong",
            f"The pod name {longest} has {len(longest)} characters and a host name at most {DNS_LABEL_MAX}: "
            f"the job's name is too long by {excess}.",
        )
