"""The page on testing shows a program and what it prints."""

import re

import pytest

from devtools.paths import REPOSITORY


def test_program_on_the_page_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (REPOSITORY / "docs" / "testing.md").read_text()
    [program] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    exec(compile(program, "docs/testing.md", "exec"), {})  # noqa: S102  # the page is this repository's own
    assert capsys.readouterr().out == printed
