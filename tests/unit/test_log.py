"""The helper that writes metrics down, the reader of the file, and what both say of each other's words."""

import json
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import trainingjob
from trainingjob.contract.report import Metric
from trainingjob.sidecar.metrics_file import MetricsFile

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./-]{0,62}", fullmatch=True)
STEPS = st.none() | st.integers(0, 2**53)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of metrics of a job."""
    path = tmp_path / "logs" / "metrics.jsonl"
    monkeypatch.setenv("TRAININGJOB_METRICS", str(path))
    return path


def read(path: Path) -> MetricsFile:
    """Return the file as the sidecar reads it while the program runs."""
    metrics = MetricsFile(path.parent, path.name)
    metrics.read()
    return metrics


@given(st.lists(st.tuples(NAMES, st.floats(allow_nan=False, allow_infinity=False), STEPS), min_size=1, max_size=20))
def test_sidecar_reads_what_a_program_logs(
    tmp_path_factory: pytest.TempPathFactory, metrics: list[tuple[str, float, int | None]]
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAININGJOB_METRICS", str(path))
        for metric in metrics:
            trainingjob.log(*metric)
    found = read(path)
    expected = {name: (value, step) for name, value, step in metrics}
    assert {metric.name: (metric.value, metric.step) for metric in found.newest} == expected
    assert found.refused == 0
    history = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["name"], line["value"], line.get("step")) for line in history] == metrics


@given(st.text(max_size=70))
def test_helper_takes_the_names_that_the_report_takes_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAININGJOB_METRICS", str(path))
        try:
            Metric(name=name, value=1)
        except ValidationError:
            with pytest.raises(ValueError, match="is no name of a metric; write it like loss"):
                trainingjob.log(name, 1)
            assert not path.exists()
        else:
            trainingjob.log(name, 1)
            assert [metric.name for metric in read(path).newest] == [name]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_what_is_no_finite_number_is_history_and_no_newest_value(file: Path, value: float) -> None:
    trainingjob.log("loss", 0.5, 1)
    trainingjob.log("loss", value, 2)
    assert [(metric.value, metric.step) for metric in read(file).newest] == [(0.5, 1)]
    assert json.loads(file.read_text().splitlines()[1])["value"] is None


@pytest.mark.parametrize("value", [2, True, Fraction(1, 4)])
def test_whatever_is_a_number_is_a_value(file: Path, value: Any) -> None:
    trainingjob.log("loss", value)
    assert [metric.value for metric in read(file).newest] == [float(value)]


@pytest.mark.parametrize("value", ["0.5", b"1", None, [1.0], {}])
def test_what_is_no_number_is_refused(file: Path, value: Any) -> None:
    with pytest.raises(TypeError):
        trainingjob.log("loss", value)
    assert not file.exists()


@pytest.mark.parametrize(("step", "error"), [(-1, ValueError), (2**53 + 1, ValueError), (1.5, TypeError)])
def test_step_that_is_none_is_refused(file: Path, step: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        trainingjob.log("loss", 1, step)
    assert not file.exists()


def test_file_that_cannot_be_written_is_a_warning(file: Path) -> None:
    file.parent.write_text("no folder")
    with pytest.warns(RuntimeWarning, match="Metrics are not kept: .*exists"):
        trainingjob.log("loss", 1)


TO_A_FULL_DISK = """
import json, resource, signal, sys, warnings
import trainingjob
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
told = []
for limit in (100, 100, 100, None):
    most = resource.RLIM_INFINITY if limit is None else limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainingjob.log("loss", 0.5, len(told))
    told.append([str(warning.message) for warning in caught])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
trainingjob.log("loss", 0.5, len(told))
print(json.dumps(told))
"""


def test_line_that_a_full_disk_cuts_is_a_warning_and_takes_no_other_line_along(file: Path) -> None:
    variables = {**os.environ, "PYTHONPATH": str(Path(trainingjob.__file__).parents[1])}
    told = json.loads(subprocess.check_output([sys.executable, "-c", TO_A_FULL_DISK], env=variables))
    assert [len(warnings) for warnings in told] == [0, 1, 1, 0]
    assert "has taken " in told[1][0]
    assert "File too large" in told[2][0]
    lines = file.read_text().splitlines()
    assert [json.loads(line)["step"] for line in (lines[0], *lines[2:])] == [0, 3, 4]
    assert read(file).refused == 1


def test_next_process_begins_its_own_line_after_one_that_was_cut(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"name": "lo')
    trainingjob.log("loss", 0.5, 1)
    trainingjob.log("loss", 0.25, 2)
    assert len(file.read_text().splitlines()) == 3
    assert (read(file).refused, [metric.value for metric in read(file).newest]) == (1, [0.25])


def test_without_a_cluster_metrics_are_written_to_the_logs_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAININGJOB_METRICS", raising=False)
    monkeypatch.chdir(tmp_path)
    trainingjob.log("loss", 0.5, step=3)
    assert [(m.name, m.value, m.step) for m in read(tmp_path / "logs" / "metrics.jsonl").newest] == [("loss", 0.5, 3)]


def test_lines_of_several_processes_stay_whole(file: Path) -> None:
    code = "import sys, trainingjob\nfor step in range(500): trainingjob.log(sys.argv[1], step, step)"
    variables = {**os.environ, "PYTHONPATH": str(Path(trainingjob.__file__).parents[1])}
    ranks = [
        subprocess.Popen([sys.executable, "-c", code, f"rank_{rank}_{'x' * 40}"], env=variables) for rank in range(4)
    ]
    assert [rank.wait() for rank in ranks] == [0] * 4
    metrics = read(file)
    assert (metrics.refused, [metric.value for metric in metrics.newest]) == (0, [499.0] * 4)
    assert len(file.read_text().splitlines()) == 2000


def test_lines_of_several_threads_stay_whole(file: Path) -> None:
    def work(name: str) -> None:
        for step in range(200):
            trainingjob.log(name, step, step)

    threads = [threading.Thread(target=work, args=(f"thread_{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(file).refused == 0
    assert len(file.read_text().splitlines()) == 800


def test_importing_the_helper_imports_nothing_of_the_operator() -> None:
    code = "import sys, trainingjob; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    variables = {**os.environ, "PYTHONPATH": str(Path(trainingjob.__file__).parents[1])}
    said = subprocess.run([sys.executable, "-S", "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert set(said.stdout.split()) - {"trainingjob", "__main__"} <= sys.stdlib_module_names


def test_lines_that_the_page_shows_instead_are_read_the_same_way(file: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "artifacts.md").read_text()
    lines = page.partition("```python\nimport json, os\n")[2].partition("```")[0]
    file.parent.mkdir()
    space: dict[str, Any] = {}
    exec(f"import json, os\n{lines}", space)  # noqa: S102 - the page's own words
    space["log"]("loss", 0.25, 7)
    space["log"]("accuracy", 1)
    metrics = read(file)
    found = {metric.name: (metric.value, metric.step) for metric in metrics.newest}
    assert (found, metrics.refused) == ({"loss": (0.25, 7), "accuracy": (1.0, None)}, 0)
