"""What holds for every job: reading and writing add nothing and lose nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.every_field import EVERY_CODE_FIELD, EVERY_FIELD, EVERY_MPI_FIELD, EVERY_TORCH_FIELD
from trainingjob.api.pod_fields import QUANTITY_PATTERN, Resources
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.times import format_time, parse_time

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LINKED = {"volumes": "volumeMounts"}
"""Fields without which another one makes no sense."""

quantities = st.integers(0, 2**62) | st.from_regex(
    QUANTITY_PATTERN, fullmatch=True, alphabet=st.characters(codec="ascii")
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a spec of some of the fields of some strategy."""
    every_field = draw(st.sampled_from([EVERY_FIELD, EVERY_MPI_FIELD, EVERY_TORCH_FIELD, EVERY_CODE_FIELD]))
    optional = sorted(every_field.keys() - {"image"})
    chosen = draw(st.sets(st.sampled_from(optional)))
    spec = {name: every_field[name] for name in optional if name in chosen}
    for needed, name in LINKED.items():
        if needed not in spec:
            spec.pop(name, None)
    if draw(st.booleans()):
        spec["resources"] = {"requests": draw(st.dictionaries(st.sampled_from(["cpu", "memory"]), quantities))}
    return {"image": "registry.example.com/mnist:1.0", **spec}


@unhurried
@given(specs())
def test_reading_what_was_written_changes_nothing(spec: dict[str, Any]) -> None:
    once = TrainingJobSpec.model_validate(spec)
    assert TrainingJobSpec.model_validate(once.manifest()) == once
    assert TrainingJobSpec.model_validate(once.manifest()).manifest() == once.manifest()


@unhurried
@given(specs())
def test_a_manifest_keeps_every_word_of_the_user(spec: dict[str, Any]) -> None:
    assert contains(TrainingJobSpec.model_validate(spec).manifest(), spec)


@unhurried
@given(quantities)
def test_a_quantity_stays_as_it_was_written(quantity: int | str) -> None:
    resources = Resources.model_validate({"limits": {"memory": quantity}})
    assert resources.manifest() == {"limits": {"memory": quantity}}


@unhurried
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)))
def test_a_time_is_read_as_it_was_written_to_the_second(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    assert parse_time(format_time(moment.replace(tzinfo=UTC))) == whole


def contains(whole: Any, part: Any) -> bool:
    """Say whether everything in a part stands in the whole, which may say more."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            name in whole and contains(whole[name], value) for name, value in part.items()
        )
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return type(whole) is type(part) and bool(whole == part)
