"""The errors with which the API server refuses, in its own words."""

from trainingjob.controller.kube import Resource
from trainingjob.controller.kube_errors import KubeError, error_of


def _qualified(resource: Resource) -> str:
    group = resource.api.removeprefix("apis/").rpartition("/")[0]
    return resource.plural if resource.api == "api/v1" else f"{resource.plural}.{group}"


def not_found(resource: Resource, name: str) -> KubeError:
    """Return the error for an object that does not exist."""
    return _error(404, "NotFound", f'{_qualified(resource)} "{name}" not found')


def already_exists(resource: Resource, name: str) -> KubeError:
    """Return the error for a name that is taken."""
    return _error(409, "AlreadyExists", f'{_qualified(resource)} "{name}" already exists')


def modified_meanwhile(resource: Resource, name: str) -> KubeError:
    """Return the error for a patch of a version that is not the newest."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return _conflict(resource, name, why)


def wrong_uid(resource: Resource, name: str, meant: str, found: str) -> KubeError:
    """Return the error for another object of the name."""
    return _conflict(resource, name, f"Precondition failed: UID in precondition: {meant}, UID in object meta: {found}")


def wrong_version(resource: Resource, name: str, meant: str, found: str) -> KubeError:
    """Return the error for another version than the one to be deleted."""
    why = f"Precondition failed: ResourceVersion in precondition: {meant}, ResourceVersion in object meta: {found}"
    return _conflict(resource, name, why)


def exceeded_quota(resource: Resource, name: str, quota: str, used: int, hard: int) -> KubeError:
    """Return the error for one object more than a quota allows."""
    what = f"requested: {resource.plural}=1, used: {resource.plural}={used}, limited: {resource.plural}={hard}"
    message = f'{_qualified(resource)} "{name}" is forbidden: exceeded quota: {quota}, {what}'
    return _error(403, "Forbidden", message)


def invalid(resource: Resource, name: str, why: str) -> KubeError:
    """Return the error for an object that breaks a rule."""
    return _error(422, "Invalid", f'{_qualified(resource)} "{name}" is invalid: {why}')


def unbindable(resource: Resource, name: str, why: str) -> KubeError:
    """Return the error for the binding of a pod that cannot have a node, or has one."""
    return _conflict(resource, name, f"pod {name} {why}")


def _conflict(resource: Resource, name: str, why: str) -> KubeError:
    return _error(409, "Conflict", f'Operation cannot be fulfilled on {_qualified(resource)} "{name}": {why}')


def _error(status: int, reason: str, message: str) -> KubeError:
    return error_of(status, {"reason": reason, "message": message}, {})
