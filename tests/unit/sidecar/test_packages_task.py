"""What an installation of packages is asked for."""

from pathlib import Path

import pytest

from trainingjob.contract import names
from trainingjob.contract.tasks import InstallPackages
from trainingjob.sidecar.packages import __main__ as program
from trainingjob.sidecar.packages import failures, task
from trainingjob.sidecar.packages.failures import InstallationError
from trainingjob.sidecar.packages.task import Task


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("outside\n")
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    (source / "requirements.txt").write_text("six\n")
    (source / "link.txt").symlink_to(tmp_path / "requirements.txt")
    (source / "inner.txt").symlink_to("requirements.txt")
    return source


def read(**fields: object) -> Task:
    """Return a task as the operator would write it and the container reads it."""
    asked = InstallPackages.model_validate({"environment": "/environment", **fields})
    return Task.read(asked.model_dump_json())


def test_every_field_of_a_task_is_read() -> None:
    fields = set(InstallPackages.model_fields)

    assert fields == set(Task._fields)
    assert read(
        pip=["six"], index_url="https://example.com/simple", credentials="/c", cache="/d", workspace="/w", cuda=True
    ) == Task(Path("/environment"), ["six"], "", "https://example.com/simple", Path("/c"), Path("/d"), Path("/w"), True)


def test_folders_that_are_not_given_are_none() -> None:
    assert read() == Task(Path("/environment"), [], "", "", None, None, None, False)


def test_both_sides_agree_on_names_and_exit_codes() -> None:
    assert task.VARIABLE == names.TASK_VARIABLE
    assert str(program.TERMINATION_LOG) == names.TERMINATION_LOG
    assert (failures.EXIT_REFUSED, failures.EXIT_UNAVAILABLE) == (names.EXIT_REFUSED, names.EXIT_UNAVAILABLE)


@pytest.mark.parametrize("name", ["requirements.txt", "inner.txt", "folder/../requirements.txt"])
def test_requirements_file_of_the_source_is_taken(name: str, source: Path) -> None:
    words = read(pip=["numpy>=2"], pip_file=name, workspace=str(source)).requirements()

    assert words == ["numpy>=2", "-r", str(source / "requirements.txt")]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"pip": ["--target=/tmp"]},
            "spec.environment.pip: '--target=/tmp' is no requirement; an option of pip stands",
        ),
        ({"pip": [" -e ."]}, "spec.environment.pip: ' -e .' is no requirement"),
        ({"pip": [""]}, "spec.environment.pip: '' is no requirement"),
        ({"pip_file": "../requirements.txt"}, "spec.environment.pipFile: '../requirements.txt' leaves the source"),
        ({"pip_file": "/etc/passwd"}, "spec.environment.pipFile: '/etc/passwd' leaves the source"),
        ({"pip_file": "link.txt"}, "spec.environment.pipFile: 'link.txt' leaves the source"),
        ({"pip_file": "."}, "spec.environment.pipFile: '.' leaves the source"),
        ({"pip_file": "folder"}, "spec.environment.pipFile: the source has no file 'folder'"),
        ({"pip_file": "none.txt"}, "spec.environment.pipFile: the source has no file 'none.txt'"),
        ({"pip_file": "requirements.txt", "workspace": ""}, "needs spec.source, which brings it"),
    ],
)
def test_what_is_no_requirement_is_refused(fields: dict[str, object], words: str, source: Path) -> None:
    with pytest.raises(InstallationError) as raised:
        read(**{"workspace": str(source), **fields}).requirements()

    assert words in str(raised.value)
    assert raised.value.code == names.EXIT_REFUSED
