"""The second command of the README: the linters and every test, each step with its time."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from devtools.cluster import ClusterError, down
from devtools.cluster.building import ensure
from devtools.cluster.toolsets import DEFAULT_KUBERNETES, sets_for
from devtools.deploy import build_images, example_names
from devtools.paths import REPOSITORY
from devtools.progress import Progress, StepFailed
from devtools.reports import REPORTS, commit_of_tree
from devtools.shell import CommandFailed, run

LONG_KUBERNETES = "1.30.14"
"""The oldest version of Kubernetes that is supported."""

_KEPT = "TRAININGJOB_TEST_CLUSTER"
"""Names a cluster that a person keeps for the tests: they share it, so that only one process may use it."""

_KEPT_NODES = "TRAININGJOB_TEST_CLUSTER_WITH_NODES"
"""The same for a cluster with nodes; several processes may use it."""

_REPORT = REPORTS / "long.md"
_KUBELET = ("tests/kubelet",)
_LINTERS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy", "operator/trainingjob", "scripts/devtools", "tests", "bench"),
    ("lint-imports",),
)


@dataclass
class Checks:
    """Run groups of checks one after another and remember which ones failed."""

    programs: Path
    progress: Progress
    arguments: Sequence[str]
    results: list[tuple[str, bool, float]] = field(default_factory=list)
    """Each group with whether it passed and the seconds that it took."""

    @property
    def failed(self) -> list[str]:
        """Return the names of the groups that failed."""
        return [name for name, passed, _ in self.results if not passed]

    def report(self, path: Path) -> None:
        """Keep the results for people who cannot run everything themselves."""
        lines = [f"# `./scripts/test long` at {commit_of_tree()}", "", "| group | result | seconds |", "|---|---|---|"]
        lines += [f"| {name} | {'passed' if ok else 'FAILED'} | {took:.0f} |" for name, ok, took in self.results]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def lint(self) -> None:
        """Run the linters."""
        for words in _LINTERS:
            command: list[str | Path] = [self.programs / words[0], *words[1:]]
            # import-linter looks for the package where Python does.
            self._run(" ".join(words[:2]), 20, command, {"PYTHONPATH": str(REPOSITORY / "operator")})

    def pytest(
        self,
        name: str,
        expected: float,
        paths: Sequence[str],
        marks: str = "not long",
        *,
        at_once: int = 1,
        by: str = "loadfile",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run the tests of some folders that the marks select, in as many processes at once.

        Args:
            by: how they are given to the processes, in words of pytest-xdist: file by file, or one by one (`load`).
        """
        # The folder with the project's programs comes first, so that a test finds what the wheel would install.
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        spread = ["-n", str(at_once), "--dist", by, "--maxschedchunk", "1"] if at_once > 1 else []
        words: list[str | Path] = [self.programs / "python", "-m", "pytest", *paths, "-m", marks, *spread]
        self._run(name, expected, [*words, *self.arguments], {"PATH": path, **(env or {})})

    def api_server_tests(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Run the tests on an API server; they wait most of the time, and each process brings up a cluster."""
        self.pytest(name, 600, ["tests/apiserver"], at_once=1 if _KEPT in os.environ else 2, env=env)

    def kubelet_tests(self) -> None:
        """Run the tests on nodes: they wait most of the time and share a cluster, but for some that need it alone."""
        kept = os.environ.get(_KEPT_NODES)
        cluster = {_KEPT_NODES: kept or f"kubelet-{os.getpid()}"}
        try:
            self.pytest("kubelet tests", 600, _KUBELET, "not long and not alone", at_once=2, by="load", env=cluster)
            self.pytest("kubelet tests one by one", 40, _KUBELET, "not long and alone", env=cluster)
        finally:
            if not kept:
                down(cluster[_KEPT_NODES])

    def _run(self, name: str, expected: float, words: Sequence[str | Path], env: dict[str, str] | None = None) -> None:
        self.progress.say(f"… {name} (expected {expected:.0f} s)")
        environment, begun = {**os.environ, **(env or {})}, time.monotonic()
        passed = subprocess.run(words, cwd=REPOSITORY, env=environment, check=False).returncode == 0
        took = time.monotonic() - begun
        self.progress.say(f"{'✓' if passed else '✗'} {name} {took:.0f} s")
        self.results.append((name, passed, took))


def main() -> int:
    """Run what was asked for and return 0 when everything passed."""
    arguments = _arguments()
    progress = Progress("test")
    try:
        with progress.step("Python environment", 15):
            programs = Path(run([REPOSITORY / "scripts" / "venv"]).strip()) / "bin"
        checks = Checks(programs, progress, arguments.rest)
        if arguments.what == "unit":
            _quick(checks)
        else:
            _everything(checks, progress, long=arguments.what == "long")
    except (StepFailed, ClusterError, CommandFailed) as error:
        print(error, file=sys.stderr)
        return 1
    progress.say(f"FAILED: {', '.join(checks.failed)}" if checks.failed else "Everything passed.")
    return 1 if checks.failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/test", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        choices=["unit", "all", "long"],
        help="unit: linters and unit tests, in 2 minutes; all (default): also what needs clusters, in 30 minutes "
        "with tools and images at hand; long: the rest as well, in an hour and a half",
    )
    parser.add_argument("rest", nargs="*", help="further arguments of pytest, behind --")
    return parser.parse_args()


def _quick(checks: Checks) -> None:
    checks.lint()
    checks.pytest("unit tests", 120, ["tests/unit", "tests/tools"])


def _everything(checks: Checks, progress: Progress, *, long: bool) -> None:
    with ThreadPoolExecutor() as pool:
        # Both take minutes on a machine with empty caches; the quick checks run meanwhile.
        tools = pool.submit(ensure, sets_for(DEFAULT_KUBERNETES, nodes=2), progress)
        archives = pool.submit(build_images, example_names())
        _quick(checks)
        checks.pytest("simulated schedules", 40, ["tests/simulation"])
        checks.pytest("containers in pods", 250, ["tests/sidecar"])
        tools.result()
        checks.pytest("chart tests", 180, ["tests/chart"])
        checks.api_server_tests("API server tests")
        archives.result()
    checks.kubelet_tests()
    if long:
        checks.pytest("long tests", 2700, ["tests"], "long")
        old = f"API server tests on Kubernetes {LONG_KUBERNETES}"
        checks.api_server_tests(old, {"TRAININGJOB_TEST_KUBERNETES": LONG_KUBERNETES})
        checks.report(_REPORT)


if __name__ == "__main__":
    sys.exit(main())
