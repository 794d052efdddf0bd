"""The log's lines."""

import json
import logging
from collections.abc import Iterator

import pytest

from trainingjob.controller.logs import configure_logs, speaking_of

logger = logging.getLogger("trainingjob.controller.worker")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    names = [name for name in logging.root.manager.loggerDict if isinstance(name, str)]
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:], root.level = before[0], before[1]
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)


def test_json_line_carries_the_job_that_it_speaks_of(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    with speaking_of(("team", "mnist")):
        logger.info("Running: %s", "all of it")
    logger.info("nothing about a job")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["namespace"], first["name"], first["message"]) == ("team", "mnist", "Running: all of it")
    assert (first["level"], first["logger"]) == ("info", "worker")
    assert first["time"].endswith("Z")
    assert "name" not in second


def test_text_line_carries_it_too_and_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "info")
    with speaking_of(("team", "mnist")):
        logger.warning("first\nsecond")
    line = capsys.readouterr().err
    assert line.endswith(" warning worker team/mnist: first\\nsecond\n")


def test_lines_of_kopf_about_an_object_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    extra = {"k8s_ref": {"namespace": "team", "name": "mnist"}}
    logging.getLogger("kopf.objects").error("Handler failed", extra=extra)
    line = json.loads(capsys.readouterr().err)
    assert (line["namespace"], line["name"]) == ("team", "mnist")


def test_exception_is_part_of_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    try:
        raise ValueError("boom")
    except ValueError:
        logger.exception("The pass failed.")
    line = json.loads(capsys.readouterr().err)
    assert line["exception"].endswith("ValueError: boom")


def test_chatter_that_would_print_whole_objects_is_silent_at_every_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("text", "debug")
    logging.getLogger("kopf.objects").info("Handler 'x' succeeded.")
    logging.getLogger("kopf._core.reactor.processing").debug("body: {...}")
    logging.getLogger("kubernetes.aio").debug("config")
    assert capsys.readouterr().err == ""


def test_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "error")
    logger.warning("no")
    logger.error("yes")
    assert capsys.readouterr().err.endswith("yes\n")


def test_long_message_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "info")
    logger.info("x" * 100_000)
    assert len(json.loads(capsys.readouterr().err)["message"]) == 4000
