"""The rules of outputs: where they can be kept, and which folders they are."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from trainingjob.api.base import Model, field_names
from trainingjob.api.capture_rules import some_stream
from trainingjob.api.outputs import Outputs
from trainingjob.api.rule import Rule, Words, exactly_one, literal
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.stores import WRITABLE_URI
from trainingjob.api.text_rules import FOLDER_PATTERN, all_fit, fits
from trainingjob.contract.names import WORKSPACE

UNUSED_CREDENTIALS = "a claim is mounted without credentials; leave %s out"

_NO_FOLDER = (
    "%s is no folder below the working directory; write it like outputs or runs/logs, in letters, digits, -, _ and ."
)
_OWN_MOUNTS = "^/+trainingjob(/.*)?$"


def secret_of_a_store() -> Rule[Any]:
    """Return the rule that a claim has no credentials, of a part with `pvc` and `secretRef`."""
    return Rule(
        "!has(self.pvc) || !has(self.secretRef)",
        lambda part: (part.secret_ref.name,) if part.pvc and part.secret_ref else None,
        UNUSED_CREDENTIALS,
        ("self.secretRef.name",),
        field="secretRef",
    )


def _apart() -> Rule[Outputs]:
    """Return the rule that no folder is, or lies in, another one: what would be kept twice."""
    folders = "(self.paths + self.stream)"
    clash = f"{folders}.exists(other, other != item && item.startsWith(other + '/'))"
    twice = f"{folders}.filter(other, other == item).size() > 1"

    def broken(outputs: Outputs) -> Words | None:
        folders = [*outputs.paths, *outputs.stream]
        return next(((item,) for at, item in enumerate(folders) if _clashes(item, at, folders)), None)

    return Rule(
        f"!{folders}.exists(item, {clash} || {twice})",
        broken,
        "%s stands twice among paths and stream, or lies in another folder of them; name each once",
        (f"{folders}.filter(item, {clash} || {twice})[0]",),
    )


def _clashes(item: str, at: int, folders: list[str]) -> bool:
    others = [*folders[:at], *folders[at + 1 :]]
    return any(item == other or item.startswith(f"{other}/") for other in others)


def _some_folder() -> Rule[Outputs]:
    return Rule(
        "self.paths.size() + self.stream.size() > 0",
        lambda outputs: None if outputs.paths or outputs.stream else (),
        "neither paths nor stream names a folder, so that nothing would be kept; name one or leave outputs out",
    )


def _working_dir() -> Rule[TrainingJobSpec]:
    return Rule(
        "!has(self.outputs) || has(self.source) || has(self.workingDir)",
        lambda spec: () if spec.outputs and not spec.source and not spec.working_dir else None,
        "the folders of outputs are those of the working directory, which the operator does not know without source; "
        "give it",
        field="workingDir",
    )


def _own_folder() -> Rule[TrainingJobSpec]:
    fields = ("source", "environment", "inputs", "outputs", "resumeFrom")
    given = " || ".join(f"has(self.{name})" for name in fields if name in field_names(TrainingJobSpec))
    ours = f"mount.mountPath.matches({literal(_OWN_MOUNTS)})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        names = field_names(TrainingJobSpec)
        if all(getattr(spec, names[name]) is None for name in fields if name in names):
            return None
        return next(((m.name,) for m in spec.volume_mounts or () if re.search(_OWN_MOUNTS, m.mount_path)), None)

    return Rule(
        f"!({given}) || !has(self.volumeMounts) || !self.volumeMounts.exists(mount, {ours})",
        broken,
        "/trainingjob is a folder of the operator's; mount %s elsewhere",
        (f"self.volumeMounts.filter(mount, {ours})[0].name",),
        field="volumeMounts",
    )


def _free_of_volumes() -> tuple[Rule[TrainingJobSpec], ...]:
    """Return the rules that no volume hides a kept folder from the sidecar, which sees only the workspace.

    Two, because the paths of both cases in one are beyond the server's budget.
    """
    mount = "(mount.mountPath + '/')"
    kept = f"({literal(WORKSPACE + '/')} + folder + '/')"
    within_source = f"{mount}.startsWith({kept}) || {kept}.startsWith({mount})"
    within_image = f"{mount}.startsWith(self.workingDir + '/' + folder + '/')"
    return (
        _not_hidden("has(self.source)", within_source, lambda spec: spec.source is not None),
        _not_hidden(
            "!has(self.source) && has(self.workingDir)", within_image, lambda spec: not spec.source and spec.working_dir
        ),
    )


def _not_hidden(case: str, hides: str, applies: Callable[[TrainingJobSpec], object]) -> Rule[TrainingJobSpec]:
    hidden = f"(self.outputs.paths + self.outputs.stream).exists(folder, {hides})"

    def broken(spec: TrainingJobSpec) -> Words | None:
        mounts = spec.volume_mounts or () if applies(spec) else ()
        return next(((mount.name,) for mount in mounts if _hides(spec, mount.mount_path)), None)

    return Rule(
        f"!has(self.outputs) || !has(self.volumeMounts) || !({case}) || !self.volumeMounts.exists(mount, {hidden})",
        broken,
        "what is written to %s would not be kept by outputs; mount it elsewhere, or leave its folder out of outputs",
        (f"self.volumeMounts.filter(mount, {hidden})[0].name",),
        field="volumeMounts",
    )


def _hides(spec: TrainingJobSpec, mount: str) -> bool:
    base = WORKSPACE if spec.source else spec.working_dir
    folders = (*spec.outputs.paths, *spec.outputs.stream) if spec.outputs else ()
    kept = [f"{base}/{folder}/" for folder in folders]
    within = any(f"{mount}/".startswith(folder) for folder in kept)
    above = any(folder.startswith(f"{mount}/") for folder in kept)
    return within or (spec.source is not None and above)


SPEC_OUTPUT_RULES: tuple[Rule[TrainingJobSpec], ...] = (_working_dir(), _own_folder(), *_free_of_volumes())

OUTPUT_RULES: Mapping[type[Model], tuple[Rule[Any], ...]] = {
    Outputs: (
        exactly_one(Outputs, "uri", "pvc"),
        fits(
            "uri",
            WRITABLE_URI,
            "%s is no address to write to; write it like s3://bucket/path, with s3, gs or az, or name a claim in pvc",
        ),
        secret_of_a_store(),
        all_fit("paths", FOLDER_PATTERN, _NO_FOLDER),
        all_fit("stream", FOLDER_PATTERN, _NO_FOLDER),
        _apart(),
        _some_folder(),
        some_stream(),
    ),
}
