"""Which exit codes a condition of a failure policy matches."""

from typing import Any

import pytest

from trainingjob.api.failure_policy import ExitCodes

EDGES = {"values": [3], "ranges": [{"from": 64, "to": 78}]}


@pytest.mark.parametrize(
    ("given", "matching", "others"),
    [
        ({"operator": "In", "values": [1, 42]}, [1, 42], [2, 41, 137]),
        ({"operator": "In", "ranges": [{"from": 64, "to": 78}, {"from": 100, "to": 100}]}, [64, 70, 78, 100], [63, 79]),
        ({"operator": "In", **EDGES}, [3, 64, 78], [1, 63, 79]),
        ({"operator": "NotIn", **EDGES}, [1, 63, 79, 255], [3, 64, 78]),
    ],
)
def test_an_exit_code_matches_just_when_it_is_one_that_is_meant(
    given: dict[str, Any], matching: list[int], others: list[int]
) -> None:
    codes = ExitCodes.model_validate(given)
    assert [code for code in (*matching, *others) if codes.match(code)] == matching


@pytest.mark.parametrize("operator", ["In", "NotIn"])
@pytest.mark.parametrize("code", [None, 0])
def test_a_program_that_succeeded_or_has_no_exit_code_matches_nothing(operator: str, code: int | None) -> None:
    assert not ExitCodes.model_validate({"operator": operator, "values": [1]}).match(code)
