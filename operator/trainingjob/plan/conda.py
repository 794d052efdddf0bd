"""What conda is to install, as the container that brings the tools is told it."""

from trainingjob.api.environment import Environment
from trainingjob.contract import names
from trainingjob.contract.tasks import CondaPackages


def uses_conda(environment: Environment) -> bool:
    """Say whether packages of conda are asked for."""
    return bool(environment.conda or environment.conda_file)


def conda_packages(environment: Environment | None) -> CondaPackages | None:
    """Return what conda is to install; None without conda."""
    if environment is None or not uses_conda(environment):
        return None
    return CondaPackages(
        packages=tuple(environment.conda or ()),
        channels=tuple(environment.channels or ()),
        file=environment.conda_file or "",
        workspace=names.WORKSPACE if environment.conda_file else "",
    )
