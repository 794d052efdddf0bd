"""The rules of inputs and resumeFrom: where data can come from, and where it can stand."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.inputs import INPUT_VARIABLE_PREFIX, Input, InputMode
from trainingjob.api.output_rules import secret_of_a_store
from trainingjob.api.resume import ResumeFrom
from trainingjob.api.rule import Rule, Words, exactly_one, literal
from trainingjob.api.source_rules import NO_READABLE_URI
from trainingjob.api.spec import Overrides, TrainingJobSpec
from trainingjob.api.stores import CLAIM_URI, READABLE_URI, WRITABLE_URI
from trainingjob.api.text_rules import fits

_INPUT_PATH = r"^(/[A-Za-z0-9_.@+-]*[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*)+$"
"""No `..` and no `.` alone, no blank and no colon, nothing but one `/` between two folders."""
_TAKEN = r"^/(workspace|trainingjob|dev|proc|sys)(/.*)?$"
_ARTIFACT_URI = f"{WRITABLE_URI}|{CLAIM_URI}"


def _mounted_volume() -> Rule[Input]:
    return Rule(
        f"self.?mode.orValue('') != {literal(InputMode.MOUNT)} || !has(self.uri)",
        lambda item: (item.name,) if item.mode is InputMode.MOUNT and item.uri else None,
        "an address cannot be mounted; give pvc or csi for %s, or mode: download",
        ("self.name",),
        field="mode",
    )


def _mounted_csi() -> tuple[Rule[Input], ...]:
    """Return the rules of what only a container that copies has a use for."""
    return (
        Rule(
            f"!has(self.csi) || self.?mode.orValue('') != {literal(InputMode.DOWNLOAD)}",
            lambda item: (item.name,) if item.csi and item.mode is InputMode.DOWNLOAD else None,
            "the CSI volume of %s can be mounted and not copied; set mode: mount, or leave it out",
            ("self.name",),
            field="mode",
        ),
        Rule(
            "!has(self.csi) || !has(self.sha256)",
            lambda item: (item.name,) if item.csi and item.sha256 else None,
            "%s is mounted, and nobody reads it before the program does; leave this out",
            ("self.name",),
            field="sha256",
        ),
        Rule(
            "!has(self.csi) || !has(self.secretRef)",
            lambda item: (item.secret_ref.name,) if item.csi and item.secret_ref else None,
            "a CSI driver gets its credentials by csi.nodePublishSecretRef; move %s there",
            ("self.secretRef.name",),
            field="secretRef",
        ),
    )


def _checked_copy() -> Rule[Input]:
    mounted = f"has(self.pvc) && self.?mode.orValue('') != {literal(InputMode.DOWNLOAD)}"
    return Rule(
        f"!has(self.sha256) || !({mounted})",
        lambda item: (item.name,) if item.sha256 and item.mounted and item.pvc else None,
        "%s is mounted, and nobody reads it before the program does; leave this out, or set mode: download",
        ("self.name",),
        field="sha256",
    )


def _free_of_the_system() -> Rule[Input]:
    def broken(item: Input) -> Words | None:
        return (item.path,) if item.path and re.search(_TAKEN, item.path) else None

    return Rule(
        f"!has(self.path) || !self.path.matches({literal(_TAKEN)})",
        broken,
        "%s is a folder of the operator's or of the system's; choose another one, such as /data",
        ("self.path",),
        field="path",
    )


def _apart_from_volumes() -> Rule[TrainingJobSpec]:
    clash = f"has(item.path) && self.volumeMounts.exists(mount, {_overlapping('item.path', 'mount.mountPath')})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        mounts = [mount.mount_path for mount in spec.volume_mounts or ()]
        return next(((item.name,) for item in spec.inputs or () if _overlaps(item.path, mounts)), None)

    return Rule(
        f"!has(self.inputs) || !has(self.volumeMounts) || !self.inputs.exists(item, {clash})",
        broken,
        "the path of %s lies in, or around, one of volumeMounts; choose another one",
        (f"self.inputs.filter(item, {clash})[0].name",),
        field="inputs",
    )


def _apart_from_one_another() -> Rule[TrainingJobSpec]:
    other = f"other.name != item.name && has(other.path) && ({_overlapping('item.path', 'other.path')})"
    clash = f"has(item.path) && self.inputs.exists(other, {other})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        for item in spec.inputs or ():
            if _overlaps(item.path, [other.path for other in spec.inputs or () if other is not item and other.path]):
                return (item.name,)
        return None

    return Rule(
        f"!has(self.inputs) || !self.inputs.exists(item, {clash})",
        broken,
        "the path of %s lies in, or around, that of another input; choose another one",
        (f"self.inputs.filter(item, {clash})[0].name",),
        field="inputs",
    )


def _overlapping(one: str, other: str) -> str:
    return f"({one} + '/').startsWith({other} + '/') || ({other} + '/').startsWith({one} + '/')"


def _overlaps(path: str | None, others: Iterable[str]) -> bool:
    return path is not None and any(
        f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in others
    )


def _free_variables(place: str) -> Rule[TrainingJobSpec]:
    """Return the rule that none of the variables at a place has the name of one that names an input."""
    steps = place.split(".")
    given = " && ".join(f"has(self.{'.'.join(steps[: end + 1])})" for end in range(len(steps)))
    taken = f"variable.name.startsWith({literal(INPUT_VARIABLE_PREFIX)})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        part: Any = spec if spec.inputs else None
        for step in steps:
            part = part and getattr(part, field_names(part.__class__)[step])
        names = (variable.name for variable in part or ())
        return next(((name,) for name in names if name.startswith(INPUT_VARIABLE_PREFIX)), None)

    return Rule(
        f"!has(self.inputs) || self.inputs.size() == 0 || !({given}) || !self.{place}.exists(variable, {taken})",
        broken,
        f"%s would be the name of an input; choose one that does not begin with {INPUT_VARIABLE_PREFIX}",
        (f"self.{place}.filter(variable, {taken})[0].name",),
        field=place,
    )


def _store_of_the_job() -> Rule[TrainingJobSpec]:
    return Rule(
        "!has(self.resumeFrom) || !has(self.resumeFrom.job) || has(self.outputs)",
        lambda spec: (
            (spec.resume_from.job.name,) if spec.resume_from and spec.resume_from.job and not spec.outputs else None
        ),
        "the artifact of %s is looked for where outputs are kept, and there are none; give outputs, or uri instead",
        ("self.resumeFrom.job.name",),
        field="resumeFrom.job",
    )


def _one_secret() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        resume, outputs = spec.resume_from, spec.outputs
        if not (resume and resume.secret_ref and outputs and outputs.restore and outputs.secret_ref):
            return None
        return None if resume.secret_ref == outputs.secret_ref else (resume.secret_ref.name,)

    both = "has(self.resumeFrom) && has(self.resumeFrom.secretRef) && has(self.outputs) && has(self.outputs.secretRef)"
    return Rule(
        f"!({both} && self.outputs.restore) || self.resumeFrom.secretRef.name == self.outputs.secretRef.name",
        broken,
        "%s is another Secret than that of outputs, and with outputs.restore both are read with one; use the same",
        ("self.resumeFrom.secretRef.name",),
        field="resumeFrom.secretRef",
    )


def _claim_without_secret() -> Rule[ResumeFrom]:
    return Rule(
        "!has(self.secretRef) || !has(self.uri) || !self.uri.startsWith('pvc://')",
        lambda part: (part.secret_ref.name,) if part.secret_ref and (part.uri or "").startswith("pvc://") else None,
        "a claim is mounted without credentials; leave %s out",
        ("self.secretRef.name",),
        field="secretRef",
    )


SPEC_INPUT_RULES: tuple[Rule[TrainingJobSpec], ...] = (
    _apart_from_volumes(),
    _apart_from_one_another(),
    _free_variables("env"),
    *(_free_variables(f"overrides.{role}.env") for role in field_names(Overrides)),
    _store_of_the_job(),
    _one_secret(),
)

INPUT_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    Input: (
        exactly_one(Input, "uri", "pvc", "csi"),
        fits("uri", READABLE_URI, NO_READABLE_URI),
        _mounted_volume(),
        *_mounted_csi(),
        _checked_copy(),
        secret_of_a_store(),
        fits("path", _INPUT_PATH, "%s is no folder of a container; write it like /data/train"),
        _free_of_the_system(),
    ),
    ResumeFrom: (
        exactly_one(ResumeFrom, "uri", "job"),
        fits(
            "uri",
            _ARTIFACT_URI,
            "%s is no address of an artifact; write it as status.artifacts has it: s3://bucket/…, with s3, gs, az or "
            "pvc",
        ),
        _claim_without_secret(),
    ),
}
