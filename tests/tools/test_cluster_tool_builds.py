"""Programs are built once for each recipe, whoever asks."""

import multiprocessing
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from devtools.cluster import golang, toolsets
from devtools.cluster.building import ensure
from devtools.cluster.toolsets import ToolSet, UnknownVersionError
from devtools.progress import Progress, StepFailed

_GO = """#!{python}
import pathlib, sys
words = sys.argv[1:]
if words[0] == "version":
    print("go version go99.1.2 linux/amd64")
    sys.exit()
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")
if words[-1] == "broken":
    print("main.go:1: the reason is here")
    sys.exit(1)
for package in words[words.index("-o") + 2:]:
    pathlib.Path(words[words.index("-o") + 1], package.rsplit("/", 1)[-1]).write_text("program")
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `go` on PATH that makes files instead of programs, and return the file that lists its builds."""
    log = tmp_path / "calls"
    log.touch()
    program = tmp_path / "bin" / "go"
    program.parent.mkdir()
    program.write_text(_GO.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("TRAININGJOB_CACHE", str(tmp_path / "cache"))
    return log


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToolSet:
    """Return a set of two programs whose module lies in a folder of the test's own."""
    monkeypatch.setattr(toolsets, "MODULES", tmp_path / "modules")
    module = tmp_path / "modules" / "pair"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module pair\n\ngo 1.24.0\n")
    return ToolSet("pair", "1.0", "pair", packages=("example.dev/cmd/left", "example.dev/cmd/right"))


def test_one_build_makes_all_programs_of_a_set(calls: Path, tools: ToolSet) -> None:
    folder = ensure([tools], Progress("test"))["pair"]
    assert sorted(path.name for path in folder.iterdir()) == ["left", "right"]
    (words,) = calls.read_text().splitlines()
    assert "-mod=readonly" in words
    assert "-trimpath" in words


def test_what_is_built_is_not_built_again(calls: Path, tools: ToolSet) -> None:
    assert ensure([tools], Progress("test")) == ensure([tools], Progress("test"))
    assert len(calls.read_text().splitlines()) == 1


def test_two_processes_that_ask_at_the_same_time_build_once(calls: Path, tools: ToolSet) -> None:
    context = multiprocessing.get_context("fork")
    asking = [context.Process(target=ensure, args=([tools], Progress("test"))) for _ in range(3)]
    for process in asking:
        process.start()
    for process in asking:
        process.join()
    assert [process.exitcode for process in asking] == [0, 0, 0]
    assert len(calls.read_text().splitlines()) == 1


def test_a_failed_build_shows_the_compiler_s_words_and_leaves_nothing(calls: Path, tools: ToolSet) -> None:
    broken = replace(tools, packages=("broken",))
    with pytest.raises(StepFailed, match=r"(?s)build pair 1\.0.*the reason is here.*run the same command again"):
        ensure([broken], Progress("test"))
    assert len(calls.read_text().splitlines()) == 1
    assert not [path for path in broken.home().parent.glob("*pair*") if path.is_dir()]


def test_what_a_killed_build_left_is_removed_by_the_next(calls: Path, tools: ToolSet) -> None:
    abandoned = tools.home().parent / f".{tools.home().name}-abandoned"
    abandoned.mkdir(parents=True)
    ensure([tools], Progress("test"))
    assert calls.read_text()
    assert not abandoned.exists()


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go"])
def test_another_source_is_another_recipe(tools: ToolSet, name: str) -> None:
    before = tools.recipe()
    (tools.directory / name).write_text("changed")
    assert tools.recipe() != before


def test_other_flags_are_another_recipe(tools: ToolSet) -> None:
    others = [replace(tools, tags="x"), replace(tools, variables=("a=b",)), replace(tools, packages=(".",))]
    assert len({tools.recipe(), *(other.recipe() for other in others)}) == 4


def test_a_folder_that_no_build_reads_changes_no_recipe(tools: ToolSet) -> None:
    before = tools.recipe()
    (tools.directory / "README").write_text("words")
    assert tools.recipe() == before


def test_without_nodes_only_kubernetes_and_etcd_are_built() -> None:
    version = toolsets.DEFAULT_KUBERNETES
    assert [found.name for found in toolsets.sets_for(version, 0)] == ["kubernetes", "etcd"]
    assert {"containerd", "coredns", "helm", "pause"} < {found.name for found in toolsets.sets_for(version, 1)}


def test_every_module_names_its_dependencies_sums() -> None:
    for module in toolsets.MODULES.iterdir():
        assert (module / "go.mod").is_file()
        assert (module / "go.sum").is_file()


def test_the_start_of_a_version_is_enough() -> None:
    assert toolsets.resolve_version("1.30").startswith("1.30.")
    assert toolsets.resolve_version("v1.35.4") == "1.35.4"


@pytest.mark.parametrize("wanted", ["1.3", "1.29", "2", "1.35.44"])
def test_an_unknown_version_is_refused_with_those_that_exist(wanted: str) -> None:
    with pytest.raises(UnknownVersionError, match=r"1\.35\.4, 1\.30\.14"):
        toolsets.resolve_version(wanted)


def test_an_unknown_set_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownVersionError, match="containerd, coredns, etcd, helm, kubectl, kubernetes, pause"):
        toolsets.by_name("docker")


def test_the_server_says_which_version_it_is() -> None:
    variables = toolsets.kubernetes("1.30.14").variables
    assert "k8s.io/component-base/version.gitVersion=v1.30.14" in variables
    assert "k8s.io/component-base/version.gitMinor=30" in variables


def test_programs_that_a_module_lacks_are_left_out() -> None:
    assert "kubelet" in toolsets.kubernetes("1.35.4").programs
    assert "kubelet" not in toolsets.kubernetes("1.30.14").programs


def test_go_is_taken_from_path_when_it_is_new_enough(calls: Path) -> None:
    assert calls.exists()
    assert golang.find_go(Progress("test")) == shutil.which("go")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go 1.25.0", (1, 25, 0)),
        ("go version devel", ()),
    ],
)
def test_go_releases_are_read_from_what_go_and_modules_say(text: str, expected: tuple[int, ...]) -> None:
    assert golang.release(text) == expected


def test_the_newest_release_that_a_module_asks_for_is_required() -> None:
    assert golang.required_release() >= (1, 25)
