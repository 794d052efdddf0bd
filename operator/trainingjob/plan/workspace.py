"""The folder in which a program starts and writes, where it is not the image's own: a volume of the pod."""

from dataclasses import replace
from typing import Final

from trainingjob.api.spec import TrainingJobSpec
from trainingjob.contract.names import WORKSPACE
from trainingjob.plan.layout import Program
from trainingjob.plan.own_containers import Attachment, scratch

WORKSPACE_VOLUME: Final[Attachment] = scratch("workspace", WORKSPACE)
"""The source, and what is kept of what a program writes."""


def working_dir(spec: TrainingJobSpec) -> str | None:
    """Return the folder in which the program starts; None for the image's own."""
    return WORKSPACE if spec.source else spec.working_dir


def in_workspace(spec: TrainingJobSpec, program: Program) -> Program:
    """Return the program with a preparation that looks for it where it will start: `./run.sh` is in the source."""
    if spec.source is None or program.preparation is None:
        return program
    return replace(program, preparation=replace(program.preparation, working_dir=WORKSPACE))
