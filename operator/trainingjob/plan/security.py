"""Under which user a pod runs, and what it may not do: the Pod Security levels restricted and baseline."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainingjob.api.pod_fields import SecurityContext
from trainingjob.plan.model import Manifest, PlanRefusedError

DEFAULT_ID = 1000
"""The user, group and volume group of a restricted pod that chooses none."""

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Security:
    """The security of every pod of a job."""

    pod: Manifest
    """The pod's securityContext."""
    container: Manifest
    """The training container's securityContext; empty when there is nothing to say."""
    foreign_user: bool
    """Whether the program runs under an id that its image probably does not know."""


def decide_security(given: SecurityContext | None, default_profile: str) -> Security:
    """Return the security of a job's pods; the job's own profile wins over the operator's.

    Raises:
        PlanRefusedError: RootNotAllowed, when a restricted job asks for user 0.
    """
    wanted = given or SecurityContext()
    if (wanted.profile or default_profile) == "baseline":
        return _baseline(wanted)
    return _restricted(wanted)


def _restricted(wanted: SecurityContext) -> Security:
    if wanted.run_as_user == 0:
        raise PlanRefusedError(
            "RootNotAllowed",
            "securityContext.runAsUser is 0 and pods of the profile restricted never run as root: choose another "
            "user, or securityContext.profile: baseline where the namespace allows it.",
        )
    pod = {
        "runAsNonRoot": True,
        "runAsUser": _given(wanted.run_as_user),
        "runAsGroup": _given(wanted.run_as_group),
        **_volume_group(_given(wanted.fs_group)),
        **_common(wanted),
    }
    container = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return Security(pod, container, foreign_user=True)


def _baseline(wanted: SecurityContext) -> Security:
    pod: Manifest = {}
    if wanted.run_as_user is not None:
        pod["runAsUser"] = wanted.run_as_user
    if wanted.run_as_group is not None:
        pod["runAsGroup"] = wanted.run_as_group
    if wanted.fs_group is not None:
        pod |= _volume_group(wanted.fs_group)
    # Every image knows root, and its home holds the keys of root.
    return Security(pod | _common(wanted), {}, foreign_user=bool(wanted.run_as_user))


def check_annotations(annotations: Mapping[str, str]) -> None:
    """Refuse annotations that take away what both levels demand.

    Raises:
        PlanRefusedError: AppArmorUnconfined.
    """
    for name, value in annotations.items():
        if name.startswith(_APPARMOR) and value == "unconfined":
            raise PlanRefusedError(
                "AppArmorUnconfined",
                f"The annotation {name} is unconfined, which no Pod Security level allows but privileged.",
            )


def _given(number: int | None) -> int:
    return DEFAULT_ID if number is None else number


def _volume_group(group: int) -> Manifest:
    # OnRootMismatch: a volume of millions of files is not walked through at every start.
    return {"fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch"}


def _common(wanted: SecurityContext) -> Manifest:
    groups = {"supplementalGroups": wanted.supplemental_groups} if wanted.supplemental_groups else {}
    return {**groups, "seccompProfile": {"type": "RuntimeDefault"}}
