"""The rules of captureOutput: a program that can be put behind something, and a folder for what it prints."""

from typing import Any

from trainingjob.api.base import field_names
from trainingjob.api.outputs import Outputs, UploadingReplicas
from trainingjob.api.rule import Rule, Words, literal
from trainingjob.api.spec import Overrides, Role, TrainingJobSpec

_CAPTURES = "has(self.outputs) && self.outputs.?captureOutput.orValue(false)"
_FIELD = "outputs.captureOutput"


def _captures(spec: TrainingJobSpec) -> bool:
    return spec.outputs is not None and bool(spec.outputs.capture_output)


def some_stream() -> Rule[Any]:
    """Return the rule that there is a folder of stream, of outputs that keep what is printed."""

    def broken(outputs: Outputs) -> Words | None:
        return () if outputs.capture_output and not outputs.stream else None

    return Rule(
        "!self.?captureOutput.orValue(false) || self.stream.size() > 0",
        broken,
        "what a program prints is kept in the first folder of stream, and there is none; name one",
        field="captureOutput",
    )


def _known_program() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        return () if _captures(spec) and not spec.entrypoint and not spec.command else None

    return Rule(
        f"!({_CAPTURES}) || has(self.entrypoint) || has(self.command) && self.command.size() > 0",
        broken,
        "nothing can be put in front of the image's own program; give the program in command, or in source and "
        "entrypoint",
        field=_FIELD,
    )


def _known_program_of(role: str) -> Rule[TrainingJobSpec]:
    command = f"self.overrides.{role}.command"

    def broken(spec: TrainingJobSpec) -> Words | None:
        override = getattr(spec.overrides, field_names(Overrides)[role], None)
        return () if _captures(spec) and override and override.command == [] else None

    return Rule(
        f"!({_CAPTURES}) || !has(self.overrides) || !has(self.overrides.{role}) || "
        f"!has({command}) || {command}.size() > 0",
        broken,
        "nothing can be put in front of the image's own program, as outputs.captureOutput wants it; give the program, "
        "or leave this out",
        field=f"overrides.{role}.command",
    )


def _printing_launcher() -> Rule[TrainingJobSpec]:
    kept = f"self.mpi.launcherRunsWorker || self.outputs.replicas == {literal(UploadingReplicas.ALL)}"

    def broken(spec: TrainingJobSpec) -> Words | None:
        if spec.mpi is None or spec.outputs is None or not spec.outputs.capture_output:
            return None
        return None if spec.mpi.launcher_runs_worker or spec.outputs.replicas is UploadingReplicas.ALL else ()

    return Rule(
        f"!has(self.mpi) || !({_CAPTURES}) || {kept}",
        broken,
        "what the ranks of an MPI job print is printed by its launcher, of which nothing is kept; set "
        "outputs.replicas: All or mpi.launcherRunsWorker: true",
        field=_FIELD,
    )


SPEC_CAPTURE_RULES: tuple[Rule[TrainingJobSpec], ...] = (
    _known_program(),
    # A launcher has a program in any case: mpirun could start no other.
    *(_known_program_of(role) for role in field_names(Overrides) if role != Role.LAUNCHER),
    _printing_launcher(),
)
