"""The rules of environment: what can be installed, and a program that can be put into it."""

import re
from collections.abc import Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.environment import Environment
from trainingjob.api.rule import Rule, Words, literal
from trainingjob.api.spec import Overrides, Role, TrainingJobSpec
from trainingjob.api.text_rules import all_fit, fits, inside
from trainingjob.contract.channels import GUARDED_ADDRESS

_INDEX_URL = r"^https?://[^\s/@]+(/\S*)?$"
_REQUIREMENT = r"^[^\s-][^\x00-\x1f\x7f]*$"
"""No option of pip or conda, and one line."""

_CHANNEL = r"^(https?://\S+|[A-Za-z0-9][A-Za-z0-9._/-]*)$"
"""An address, or a name like `conda-forge` or `conda-forge/label/dev`."""


def _something() -> Rule[Environment]:
    return Rule(
        "self.?pip.orValue([]).size() > 0 || has(self.pipFile) || self.?conda.orValue([]).size() > 0 || "
        "has(self.condaFile)",
        lambda asked: None if _of_pip(asked) or _of_conda(asked) else (),
        "there is nothing to install; give pip, pipFile, conda or condaFile, or leave environment out",
    )


def _of_pip(asked: Environment) -> bool:
    return bool(asked.pip or asked.pip_file)


def _of_conda(asked: Environment) -> bool:
    return bool(asked.conda or asked.conda_file)


def _channels_for_something() -> Rule[Environment]:
    return Rule(
        "!has(self.channels) || self.?conda.orValue([]).size() > 0 || has(self.condaFile)",
        lambda asked: () if asked.channels is not None and not _of_conda(asked) else None,
        "only conda looks there; give conda or condaFile, or leave it out",
        field="channels",
    )


def _without_secrets(field: str, words: str) -> Rule[Environment]:
    """Return the rule that no item of a list has a secret in its address; the words quote none."""

    def broken(asked: Environment) -> Words | None:
        items = getattr(asked, field_names(Environment)[field]) or ()
        return () if any(re.search(GUARDED_ADDRESS, item) for item in items) else None

    return Rule(
        f"!has(self.{field}) || !self.{field}.exists(item, item.matches({literal(GUARDED_ADDRESS)}))",
        broken,
        f"{words} with a user, password, token, ? or # in its address; that belongs into the key channels of the "
        "Secret that secretRef names",
        field=field,
    )


def _index_for_something() -> Rule[Environment]:
    return Rule(
        "!has(self.indexUrl) || self.?pip.orValue([]).size() > 0 || has(self.pipFile) || has(self.condaFile)",
        lambda asked: () if asked.index_url and not _of_pip(asked) and not asked.conda_file else None,
        "only pip looks there; name where conda looks in channels",
        field="indexUrl",
    )


def _file_of_source(field: str, instead: str) -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        file = getattr(spec.environment, field_names(Environment)[field]) if spec.environment else None
        return (file,) if file and not spec.source else None

    return Rule(
        f"!has(self.environment) || !has(self.environment.{field}) || has(self.source)",
        broken,
        f"%s is a file of source, and there is no source; give it, or list the packages in {instead}",
        (f"self.environment.{field}",),
        field=f"environment.{field}",
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
    _file_of_source("pipFile", "pip"),
    _file_of_source("condaFile", "conda"),
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
        all_fit(
            "conda",
            _REQUIREMENT,
            "%s is no package of conda; write it like numpy>=1.26 or conda-forge::onnx",
        ),
        _without_secrets("conda", "a package names a channel"),
        inside("pipFile", "the source"),
        inside("condaFile", "the source"),
        all_fit(
            "channels",
            _CHANNEL,
            "%s is no channel; write it like conda-forge or https://conda.example.com/ours",
        ),
        _without_secrets("channels", "there is a channel"),
        _channels_for_something(),
        _index_for_something(),
        fits(
            "indexUrl",
            _INDEX_URL,
            "%s is no address of an index; write it like https://pypi.example.com/simple, and a user and password into "
            "the Secret",
        ),
    )
}
