"""Packages beside those of the image: what installs them, and how the program comes to see them."""

from dataclasses import replace
from typing import Final

from trainingjob.contract import names
from trainingjob.contract.tasks import InstallPackages
from trainingjob.plan.accelerators import computes
from trainingjob.plan.addition import Addition, RolePods
from trainingjob.plan.conda import uses_conda
from trainingjob.plan.layout import Preparation, Program
from trainingjob.plan.own_containers import (
    Attachment,
    claim,
    credentials,
    scratch,
    task_variable,
)
from trainingjob.plan.tools import TOOLS_VOLUME
from trainingjob.plan.workspace import WORKSPACE_VOLUME

_ENVIRONMENT: Final = scratch("environment", names.ENVIRONMENT)

_WITHIN: Final = f'export PATH="{names.ENVIRONMENT}/bin:$PATH" VIRTUAL_ENV="{names.ENVIRONMENT}"; exec "$@"'
"""A fixed text into which nothing of the user's goes; `exec` leaves process, exit code and signals as they are."""

_WITHIN_CONDA: Final = f'. {names.ACTIVATION} && exec "$@"'
"""The same where conda decides what is set: whether its environment has a Python is known once it is made."""


def add_packages(pods: RolePods) -> tuple[Addition, ...]:
    """Return what installs the packages before the program of a role starts."""
    environment = pods.spec.environment
    if environment is None:
        return ()
    secret = (credentials("packages", environment.secret_ref.name),) if environment.secret_ref else ()
    cache = (claim("packages", environment.cache.claim_name, read_only=False),) if environment.cache else ()
    source = (WORKSPACE_VOLUME,) if pods.spec.source else ()
    needed = (TOOLS_VOLUME, _ENVIRONMENT, *secret, *cache)
    task = InstallPackages(
        environment=names.ENVIRONMENT,
        pip=tuple(environment.pip or ()),
        pip_file=environment.pip_file or "",
        index_url=environment.index_url or "",
        credentials=_path(secret),
        cache=_path(cache),
        workspace=_path(source),
        cuda=pods.spec.accelerator.startswith("nvidia.com/") and _has_gpus(pods),
    )
    install = Preparation(
        names.INSTALL_PACKAGES,
        ["/bin/sh", f"{names.TOOLS}/{names.INSTALL_PACKAGES}"],
        tuple(attachment.mount for attachment in (*needed, *source)),
        (task_variable(task),),
        bare=True,
    )
    return (
        Addition(
            volumes=tuple(attachment.volume for attachment in needed),
            mounts=(_ENVIRONMENT.mount,),
            preparation=install,
        ),
    )


def in_environment(pods: RolePods, program: Program) -> Program:
    """Return the program as it runs with the packages: everything that it starts finds them first."""
    if pods.spec.environment is None:
        return program
    within = ["/bin/sh", "-c", _WITHIN_CONDA if uses_conda(pods.spec.environment) else _WITHIN, "sh"]
    preparation = program.preparation
    return replace(
        program,
        # A role whose command is the image's own is none that could be wrapped; the rules of the resource refuse it.
        command=[*within, *program.command] if program.command else program.command,
        preparation=replace(preparation, command=[*within, *preparation.command]) if preparation else None,
    )


def _has_gpus(pods: RolePods) -> bool:
    return bool(pods.spec.gpus_per_worker) and computes(pods.spec, pods.role)


def _path(attachments: tuple[Attachment, ...]) -> str:
    return attachments[0].path if attachments else ""
