"""The status patch."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import JOB_UID, make_job
from tests.unit.controller.fakes import merge
from trainingjob.api.status import Phase, TrainingJobStatus
from trainingjob.controller.status import merge_difference, status_patch

NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.one_of(st.integers(0, 3), st.text(max_size=2), st.lists(st.integers(0, 3), max_size=2))
OBJECTS = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=3), lambda inner: st.dictionaries(NAMES, LEAVES | inner, max_size=3)
)


@given(OBJECTS, OBJECTS)
def test_patch_turns_one_object_into_the_other(before: dict[str, object], after: dict[str, object]) -> None:
    assert merge(before, merge_difference(before, after)) == after


@given(OBJECTS)
def test_nothing_changed_needs_an_empty_patch(value: dict[str, object]) -> None:
    assert merge_difference(value, value) == {}


def test_patch_names_the_version_that_it_was_decided_from() -> None:
    job = make_job(resource_version="77")
    assert status_patch(job, job.status)["metadata"] == {"uid": JOB_UID, "resourceVersion": "77"}


def test_field_that_vanishes_is_null_and_unchanged_ones_are_left_out() -> None:
    job = make_job(status={"phase": "Pending", "reason": "Starting", "message": "x"})
    after = TrainingJobStatus(phase=Phase.PENDING, reason="Queued", observed_generation=-1)
    assert status_patch(job, after)["status"] == {"message": None, "reason": "Queued"}
