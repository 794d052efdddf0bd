"""The image tool's command line and its archives, with a stand-in for the program `docker`."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.images import ImageError, archives, build
from devtools.images.__main__ import main
from devtools.images.names import base_images, full_name, slug
from devtools.progress import StepFailed

_DOCKER = """#!{python}
import pathlib, sys
words = sys.argv[1:]
log = pathlib.Path({log!r})
log.write_text((log.read_text() if log.exists() else "") + " ".join(words) + "\\n")
if words[0] == "save":
    pathlib.Path(words[2]).write_text("archive of " + words[3])
if words[0] == "build" and "FAIL" in pathlib.Path(words[4]).read_text():
    print("the reason is here")
    sys.exit(1)
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `docker` on PATH that answers, and return the file that lists how it was called."""
    log = tmp_path / "calls"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(_DOCKER.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    return log


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a build context with a Dockerfile."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def _builds(calls: Path) -> int:
    return sum(line.startswith("build ") for line in calls.read_text().splitlines())


def test_build_with_docker_leaves_the_archive_in_the_cache(calls: Path, context: Path, tmp_path: Path) -> None:
    archive = build(context, "example.dev/digits:dev")
    assert archive.parent == tmp_path / "cache" / "images"
    assert archive.read_text() == "archive of example.dev/digits:dev"
    assert f"build --tag example.dev/digits:dev --file {context}/Dockerfile {context}" in calls.read_text()


def test_unchanged_files_are_not_built_again(calls: Path, context: Path) -> None:
    first = build(context, "digits:dev")
    assert build(context, "digits:dev") == first
    assert _builds(calls) == 1


def test_a_changed_file_is_built_into_another_archive(calls: Path, context: Path) -> None:
    first = build(context, "digits:dev")
    (context / "new").touch()
    assert build(context, "digits:dev") != first
    assert _builds(calls) == 2


def test_a_failed_build_shows_its_log_and_leaves_no_archive(calls: Path, context: Path) -> None:
    (context / "Dockerfile").write_text("FAIL\n")
    with pytest.raises(StepFailed, match="the reason is here"):
        build(context, "digits:dev")
    assert _builds(calls) == 1
    assert archives.finished() == []


def test_a_half_written_archive_of_an_interrupted_build_is_not_taken_for_an_image(calls: Path, context: Path) -> None:
    archive = build(context, "digits:dev")
    archive.rename(archive.with_suffix(".part"))
    assert build(context, "digits:dev").read_text() == "archive of digits:dev"
    assert _builds(calls) == 2


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=f"There is no file {tmp_path}/Dockerfile"):
        build(tmp_path, "digits:dev")


def test_several_builds_at_once_build_one_after_another_and_only_once(calls: Path, context: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(build, [(context, "digits:dev")] * 4)
    assert len(set(found)) == 1
    assert _builds(calls) == 1


def test_the_command_prints_only_the_archive_on_standard_output(
    calls: Path, context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(context), "--tag", "digits:dev"]) == 0
    assert capsys.readouterr().out == f"{archives.finished()[0]}\n"
    assert calls.exists()


def test_output_names_a_copy_of_the_archive(
    calls: Path, context: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "digits.tar"
    assert main(["build", str(context), "--tag", "digits:dev", "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"{output}\n"
    assert output.read_text() == "archive of digits:dev"
    assert calls.exists()


def test_a_failure_is_explained_and_ends_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(tmp_path), "--tag", "digits:dev"]) == 1
    assert "There is no file" in capsys.readouterr().err


def test_prune_keeps_the_latest_archive_of_each_image(
    calls: Path, context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = build(context, "one:dev")
    other = build(context, "two:dev")
    (context / "new").touch()
    new = build(context, "one:next")
    assert main(["prune"]) == 0
    assert capsys.readouterr().out == f"{old}\n"
    assert set(archives.finished()) == {other, new}
    assert calls.exists()


@pytest.mark.parametrize(
    ("dockerfile", "images"),
    [
        ("FROM python:3.11-slim-bookworm\n", ["docker.io/library/python:3.11-slim-bookworm"]),
        ("FROM a AS build\nFROM a\nCOPY --from=build /x /x\n", ["docker.io/library/a:latest"]),
        ("from a as Build\nfrom build\n", ["docker.io/library/a:latest"]),
        ("FROM --platform=linux/amd64 team/a:1\n", ["docker.io/team/a:1"]),
        ("ARG BASE=a\nFROM $BASE\nFROM scratch\n", []),
    ],
    ids=["one", "stage", "case", "platform", "argument-and-scratch"],
)
def test_base_images_are_the_ones_from_outside(dockerfile: str, images: list[str]) -> None:
    assert base_images(dockerfile) == images


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("registry.example:5000/a", "registry.example:5000/a:latest"),
        ("localhost/a:1", "localhost/a:1"),
        ("a@sha256:00", "docker.io/library/a@sha256:00"),
    ],
)
def test_a_full_name_has_registry_and_tag(short: str, full: str) -> None:
    assert full_name(short) == full


@pytest.mark.parametrize(
    ("tag", "word"),
    [
        ("trainingjob.dev/examples/digits:dev", "trainingjob.dev-examples-digits+dev"),
        ("registry.example:5000/digits", "registry.example-5000-digits+"),
    ],
)
def test_a_tag_becomes_a_word_for_a_file_name(tag: str, word: str) -> None:
    assert slug(tag) == word


def test_the_script_explains_itself() -> None:
    script = Path(__file__).parents[2] / "scripts" / "image"
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "build" in done.stdout
