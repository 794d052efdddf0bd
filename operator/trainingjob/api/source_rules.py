"""The rules of source and entrypoint: what can be fetched, and what of it can be run."""

import re
from collections.abc import Mapping
from typing import Any

from trainingjob.api.base import Model
from trainingjob.api.rule import Rule, Words, exactly_one, literal
from trainingjob.api.source import ArchiveSource, ConfigMapSource, GitSource, Source
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.stores import READABLE_URI, ClaimFolder
from trainingjob.api.text_rules import OUTSIDE_PATTERN, fits, inside
from trainingjob.contract.names import WORKSPACE

NO_READABLE_URI = (
    "%s is no address to read from; write it like s3://bucket/key, with s3, gs, az, https or http, without a password"
)

_GIT_URL = (
    r"^((https?://[^\s/@]+|ssh://([A-Za-z0-9_.+-]+@)?[^\s/@:]+(:[0-9]+)?)/\S+"
    r"|[A-Za-z0-9_.+-]+@[A-Za-z0-9_.-]+:[^\s/:][^\s:]*)$"
)
_GIT_REF = r"^[A-Za-z0-9_]([A-Za-z0-9_./@+#=-]*[A-Za-z0-9_@+#=-])?$"
_RUNNABLE = r"^(-m [A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*|[^-].*\.(py|sh))$"
_WORKSPACE_MOUNT = f"^/+{WORKSPACE.strip('/')}/*$"


def _ref() -> Rule[GitSource]:
    def broken(git: GitSource) -> Words | None:
        bad = git.ref is not None and (not re.search(_GIT_REF, git.ref) or ".." in git.ref)
        return (git.ref or "",) if bad else None

    return Rule(
        f"!has(self.ref) || self.ref.matches({literal(_GIT_REF)}) && !self.ref.contains('..')",
        broken,
        "%s cannot be a branch, tag or commit; write it like main, v1.2 or a commit's hexadecimal digits",
        ("self.ref",),
        field="ref",
    )


def _item_paths() -> Rule[ConfigMapSource]:
    outside = f"item.path.matches({literal(OUTSIDE_PATTERN)})"

    def broken(source: ConfigMapSource) -> Words | None:
        return next(((item.path,) for item in source.items or () if re.search(OUTSIDE_PATTERN, item.path)), None)

    return Rule(
        f"!has(self.items) || !self.items.exists(item, {outside})",
        broken,
        f"%s leaves {WORKSPACE}; it must not begin with / or contain ..",
        (f"self.items.filter(item, {outside})[0].path",),
        field="items",
    )


def _without_working_dir() -> Rule[TrainingJobSpec]:
    return Rule(
        "!has(self.source) || !has(self.workingDir)",
        lambda spec: (str(spec.working_dir),) if spec.source and spec.working_dir else None,
        f"with source the program starts in {WORKSPACE}, and not in %s; leave it out",
        ("self.workingDir",),
        field="workingDir",
    )


def _free_workspace() -> Rule[TrainingJobSpec]:
    taken = f"mount.mountPath.matches({literal(_WORKSPACE_MOUNT)})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        mounts = spec.volume_mounts or () if spec.source else ()
        return next(((mount.name,) for mount in mounts if re.search(_WORKSPACE_MOUNT, mount.mount_path)), None)

    return Rule(
        f"!has(self.source) || !has(self.volumeMounts) || !self.volumeMounts.exists(mount, {taken})",
        broken,
        f"{WORKSPACE} is where source stands; mount %s elsewhere",
        (f"self.volumeMounts.filter(mount, {taken})[0].name",),
        field="volumeMounts",
    )


_ENTRYPOINT: tuple[Rule[TrainingJobSpec], ...] = (
    Rule(
        "!has(self.entrypoint) || has(self.source)",
        lambda spec: (spec.entrypoint,) if spec.entrypoint and not spec.source else None,
        "%s is a file of source, and there is no source; give it, or the program in command",
        ("self.entrypoint",),
        field="entrypoint",
    ),
    Rule(
        "!has(self.entrypoint) || !has(self.command)",
        lambda spec: (spec.entrypoint,) if spec.entrypoint and spec.command is not None else None,
        "there is a command besides %s; keep one of the two",
        ("self.entrypoint",),
        field="entrypoint",
    ),
    inside("entrypoint", "the source"),
    fits(
        "entrypoint",
        _RUNNABLE,
        "%s is nothing that can be run; write a file that ends in .py or .sh, or -m package.module",
    ),
)

SPEC_SOURCE_RULES: tuple[Rule[TrainingJobSpec], ...] = (*_ENTRYPOINT, _without_working_dir(), _free_workspace())

SOURCE_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    Source: (exactly_one(Source),),
    GitSource: (
        fits(
            "url",
            _GIT_URL,
            "%s is no address of a repository; write it like https://example.com/team/code.git or "
            "git@example.com:team/code.git, and a password into the Secret",
        ),
        _ref(),
        inside("path", "the repository"),
    ),
    ArchiveSource: (fits("uri", READABLE_URI, NO_READABLE_URI),),
    ConfigMapSource: (_item_paths(),),
    ClaimFolder: (inside("path", "the claim"),),
}
