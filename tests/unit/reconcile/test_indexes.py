"""Sets of indexes as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainingjob.reconcile.indexes import format_indexes, parse_indexes


@pytest.mark.parametrize(("indexes", "text"), [([], ""), ([3], "3"), ([0, 1, 2], "0-2"), ([5, 0, 2, 3, 3], "0,2-3,5")])
def test_indexes_become_the_shortest_ranges(indexes: list[int], text: str) -> None:
    assert format_indexes(indexes) == text


@given(st.sets(st.integers(0, 300)))
def test_text_reads_back_as_the_same_set(indexes: set[int]) -> None:
    assert parse_indexes(format_indexes(indexes)) == indexes


def test_text_of_another_kind_is_skipped() -> None:
    assert parse_indexes("x,1-2,-,4-") == {1, 2, 4}
