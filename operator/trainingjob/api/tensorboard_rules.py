"""The rules of a TensorBoard: what it shows, what it is called, and that nothing is made for a job that has ended."""

from typing import Any, Final

from trainingjob.api.constants import DNS_LABEL_MAX, TENSORBOARD_SUFFIX
from trainingjob.api.rule import Rule, Words, formatted, literal, validation, validation_told_by
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import Phase

TENSORBOARD_TOO_LATE: Final = (
    "the job has ended and has no TensorBoard any more, and nothing is created for it; "
    "create the job under a new name, or read its event files from the store"
)

_TOO_LONG: Final = (
    "the name is too long by %d for spec.tensorboard: its Service %s would have %d characters, "
    f"and one has at most {DNS_LABEL_MAX}"
)
_NO_STREAM: Final = (
    "it shows the event files that outputs keeps while the program runs; "
    "give outputs with the folder of the event files in stream, such as stream: [logs]"
)
_ENABLED: Final = "has(self.spec.tensorboard) && self.spec.tensorboard.enabled"


def _streamed() -> Rule[TrainingJobSpec]:
    def broken(spec: TrainingJobSpec) -> Words | None:
        streams = spec.outputs is not None and bool(spec.outputs.stream)
        return () if spec.tensorboard and spec.tensorboard.enabled and not streams else None

    return Rule(
        "!has(self.tensorboard) || !self.tensorboard.enabled || has(self.outputs) && self.outputs.stream.size() > 0",
        broken,
        _NO_STREAM,
        field="tensorboard",
    )


SPEC_TENSORBOARD_RULES: tuple[Rule[TrainingJobSpec], ...] = (_streamed(),)


def tensorboard_name_problems(name: str, spec: TrainingJobSpec) -> list[str]:
    """Return what is wrong with a job's name because of its TensorBoard, one sentence each."""
    service = f"{name}{TENSORBOARD_SUFFIX}"
    if not (spec.tensorboard and spec.tensorboard.enabled) or len(service) <= DNS_LABEL_MAX:
        return []
    return [_TOO_LONG % (len(service) - DNS_LABEL_MAX, service, len(service))]


def tensorboard_name_validation() -> dict[str, Any]:
    """Return the same as a rule on the whole resource."""
    length = f"self.metadata.name.size() + {len(TENSORBOARD_SUFFIX)}"
    words = (f"{length} - {DNS_LABEL_MAX}", f"self.metadata.name + {literal(TENSORBOARD_SUFFIX)}", length)
    return validation_told_by(
        f"!({_ENABLED}) || {length} <= {DNS_LABEL_MAX}", formatted(_TOO_LONG, words), "metadata.name"
    )


def tensorboard_change_validation() -> dict[str, Any]:
    """Return the rule on the whole resource that nobody asks for one when nothing is created any more."""
    ends = literal([phase.value for phase in Phase if phase.terminal])
    ended = f"oldSelf.?status.?phase.orValue('') in {ends} || oldSelf.?status.?ending.hasValue()"
    same = "[self.spec.?tensorboard] == [oldSelf.spec.?tensorboard]"
    there = "oldSelf.?status.?tensorboard.hasValue()"
    return validation(
        f"{same} || !({_ENABLED}) || !({ended}) || {there}", TENSORBOARD_TOO_LATE, field="spec.tensorboard"
    )
