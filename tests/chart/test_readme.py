"""The chart's README tells of every value what the schema and the defaults say."""

import json
from typing import Any

import pytest

from tests.support.helm import CHART, chart_values, described, value_at

pytestmark = pytest.mark.chart


def test_table_of_values_is_what_schema_and_defaults_say() -> None:
    """On failure the right table stands in the message, to be pasted."""
    values = chart_values()
    rows = [f"| `{path}` | {_shown(value_at(values, path))} | {text} |" for path, text in described().items()]
    table = "\n".join(["| value | default | meaning |", "|---|---|---|", *rows])
    assert table in (CHART / "README.md").read_text(), f"README.md needs this table:\n{table}"


def _shown(value: Any) -> str:
    return f"`{json.dumps(value)}`"
