"""The rules of environment: what can be installed, and a program that can be put into it."""

from collections.abc import Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.environment import Environment
from trainingjob.api.rule import Rule, Words
from trainingjob.api.spec import Overrides, Role, TrainingJobSpec
from trainingjob.api.text_rules import all_fit, fits, inside

_INDEX_URL = r"^https?://[^\s/@]+(/\S*)?$"
_REQUIREMENT = r"^[^\s-][^\x00-\x1f\x7f]*$"
"""No option of pip, and one line."""


def _something() -> Rule[Environment]:
    return Rule(
        "self.?pip.orValue([]).size() > 0 || has(self.pipFile)",
        lambda environment: None if environment.pip or environment.pip_file else (),
        "there is nothing to install; give pip or pipFile, or leave environment out",
    )


def _file_of_source() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        file = spec.environment.pip_file if spec.environment else None
        return (file,) if file and not spec.source else None

    return Rule(
        "!has(self.environment) || !has(self.environment.pipFile) || has(self.source)",
        broken,
        "%s is a file of source, and there is no source; give it, or list the packages in pip",
        ("self.environment.pipFile",),
        field="environment.pipFile",
    )


def _known_program() -> Rule[TrainingJobSpec]:
    return Rule(
        "!has(self.environment) || has(self.entrypoint) || has(self.command) && self.command.size() > 0",
        lambda spec: () if spec.environment and not spec.entrypoint and not spec.command else None,
        "the image's own program cannot be put into it; give the program in command, or in source and entrypoint",
        field="environment",
    )


def _known_program_of(role: str) -> Rule[TrainingJobSpec]:
    command = f"self.overrides.{role}.command"

    def broken(spec: TrainingJobSpec) -> Words | None:
        override = getattr(spec.overrides, field_names(Overrides)[role], None)
        return () if spec.environment and override and override.command == [] else None

    return Rule(
        f"!has(self.environment) || !has(self.overrides) || !has(self.overrides.{role}) || "
        f"!has({command}) || {command}.size() > 0",
        broken,
        "the image's own program cannot be put into the environment; give the program, or leave this out",
        field=f"overrides.{role}.command",
    )


SPEC_ENVIRONMENT_RULES: tuple[Rule[TrainingJobSpec], ...] = (
    _file_of_source(),
    _known_program(),
    # A launcher has a program in any case: mpirun could start no other.
    *(_known_program_of(role) for role in field_names(Overrides) if role != Role.LAUNCHER),
)

ENVIRONMENT_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    Environment: (
        _something(),
        all_fit(
            "pip",
            _REQUIREMENT,
            "%s is no requirement; write it like scikit-learn or pandas>=2, and options of pip into a pipFile",
        ),
        inside("pipFile", "the source"),
        fits(
            "indexUrl",
            _INDEX_URL,
            "%s is no address of an index; write it like https://pypi.example.com/simple, and a user and password into "
            "the Secret",
        ),
    )
}
