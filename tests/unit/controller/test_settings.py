"""Flags and environment variables."""

from dataclasses import fields

import pytest

from devtools.paths import REPOSITORY
from trainingjob.controller.settings import EXIT_CODES, Settings, flag_of, parse_settings, variable_of

OPERATIONS = REPOSITORY / "docs" / "operations.md"


def test_no_option_at_all_is_sensible() -> None:
    settings = parse_settings([], {})
    assert settings == Settings()
    assert settings.scopes == ("",)
    assert settings.shutdown_seconds < 30, "the grace period of a pod that sets none"


def test_flag_wins_over_variable() -> None:
    environment = {"TRAININGJOB_OPERATOR_WORKERS": "3", "TRAININGJOB_OPERATOR_LOG_FORMAT": "json"}
    settings = parse_settings(["--workers", "5"], environment)
    assert (settings.workers, settings.log_format) == (5, "json")


def test_namespaces_are_repeated_flags_or_a_list_with_commas() -> None:
    assert parse_settings(["--namespace", "a", "--namespace", "b", "--namespace", "a"], {}).scopes == ("a", "b")
    assert parse_settings([], {"TRAININGJOB_OPERATOR_NAMESPACE": "a, b,"}).scopes == ("a", "b")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "0"], "0 is less than 1"),
        (["--workers", "many"], "'many' is no number"),
        (["--health-port", "70000"], "'70000' is no port"),
        (["--lease-seconds", "0.5"], "0.5 is less than 1"),
        (["--lease-seconds", "nan"], "nan is less than 1"),
        (["--namespace", "team-*"], "'team-*' is no name of a namespace"),
        (["--log-format", "xml"], "invalid choice: 'xml'"),
        (["--work", "3"], "unrecognized arguments"),
        (["surprise"], "unrecognized arguments"),
    ],
)
def test_bad_flag_is_refused_in_words(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_settings(arguments, {})
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TRAININGJOB_OPERATOR_WORKERS", "0", "TRAININGJOB_OPERATOR_WORKERS: 0 is less than 1"),
        ("TRAININGJOB_OPERATOR_NAMESPACE", "a,B", "TRAININGJOB_OPERATOR_NAMESPACE: 'B' is no name"),
        ("TRAININGJOB_OPERATOR_LOG_LEVEL", "loud", "'loud' is none of debug, info, warning, error"),
    ],
)
def test_bad_variable_is_refused_by_its_name(
    variable: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_settings([], {variable: value})
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_help_tells_meaning_default_and_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_settings(["--help"], {})
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for option in fields(Settings):
        assert flag_of(option) in text
        assert f"[{variable_of(option)}]" in text
        assert " ".join(option.metadata["meaning"].split()[:6]) in text
    assert "Default: 15.0." in text


def test_operations_guide_lists_every_option_with_its_default_and_every_exit_code() -> None:
    text = OPERATIONS.read_text()
    for option in fields(Settings):
        default = ", ".join(option.default) if isinstance(option.default, tuple) else str(option.default)
        row = next((line for line in text.splitlines() if line.startswith(f"| `{flag_of(option)}` |")), "")
        assert f"`{default}`" in row or (not default and "| |" in row), f"{flag_of(option)}: {row!r}"
    for code in EXIT_CODES:
        assert f"| {code} |" in text
