"""Manifests are JSON that everybody can read, as the page and the schema say."""

import json
from datetime import UTC, datetime

import jsonschema
import pytest

from devtools.paths import REPOSITORY
from trainingjob.contract.manifest import Manifest
from trainingjob.sidecar.manifests import MOST_PROBLEMS, render
from trainingjob.sidecar.scan import Problem, Stamp
from trainingjob.sidecar.transfer import Sent

SCHEMA = json.loads((REPOSITORY / "docs" / "manifest.schema.json").read_text())
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SENT = {
    'outputs/"quoted" ü\\': Sent(Stamp(3, 1_700_000_000_123_456_789, 1), b"\x01" * 32, growing=False),
    "logs/a": Sent(Stamp(0, 0, 2), b"\x02" * 32, growing=True),
}
PROBLEMS = [Problem("outputs/pipe", 'It is "no" file.', loses=False)]


def test_example_of_the_page_is_a_manifest() -> None:
    page = (REPOSITORY / "docs" / "artifacts.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]
    jsonschema.validate(json.loads(example), SCHEMA)
    read = Manifest.model_validate_json(example)
    sent = {
        file.path: Sent(Stamp(file.size, _nanoseconds(file.mtime), 1), bytes.fromhex(file.sha256), growing=False)
        for file in read.files
    }
    problems = [Problem(one.path, one.problem, loses=False) for one in read.problems]
    assert render(sent, problems, NOW, complete=True).decode() == example


@pytest.mark.parametrize("sent", [{}, SENT])
@pytest.mark.parametrize("problems", [[], PROBLEMS, PROBLEMS * 2000])
@pytest.mark.parametrize("complete", [True, False])
def test_manifest_is_what_the_schema_says(sent: dict[str, Sent], problems: list[Problem], complete: bool) -> None:
    text = render(sent, problems, NOW, complete=complete)
    jsonschema.validate(json.loads(text), SCHEMA)
    read = Manifest.model_validate_json(text)
    assert (read.complete, read.created) == (complete, "2026-01-31T12:00:00.000Z")
    assert [file.path for file in read.files] == sorted(sent)
    assert len(read.problems) == min(len(problems), MOST_PROBLEMS)


def test_file_of_a_manifest_says_everything_about_it() -> None:
    growing, whole = Manifest.model_validate_json(render(SENT, [], NOW, complete=False)).files
    assert (growing.path, growing.size, growing.growing) == ("logs/a", 0, True)
    assert (whole.sha256, whole.mtime, whole.growing) == ("01" * 32, "2023-11-14T22:13:20.123Z", False)


def _nanoseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000
