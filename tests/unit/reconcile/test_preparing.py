"""Jobs whose pods are prepared: what their status says meanwhile, and what becomes of those that cannot be."""

from typing import Any

import pytest

from tests.support.playing import counts
from tests.support.world import World

WORKER, OTHER = "mnist-worker-0", "mnist-worker-1"
GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}
GIT: dict[str, Any] = {"source": {"git": {"url": "https://example.com/x.git"}}, "command": ["python", "x.py"]}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def created(**spec: Any) -> World:
    """Return a world whose pods have just been created."""
    world = World(**spec)
    world.settle()
    return world


def prepare(world: World, name: str, container: str, *, runs: bool = True) -> None:
    """Let a container of ours be at work in a pod, or have just ended there."""
    world.change(name, preparing=container, init_running=runs)


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        ("fetch-source", "FetchingCode", "Pod mnist-worker-0 is fetching its code."),
        ("copy-tools", "InstallingPackages", "Pod mnist-worker-0 is about to install its packages."),
        ("install-packages", "InstallingPackages", "Pod mnist-worker-0 is installing its packages."),
        ("download-inputs", "DownloadingInputs", "Pod mnist-worker-0 is downloading its inputs."),
        ("restore-artifact", "RestoringArtifact", "Pod mnist-worker-0 is restoring an artifact."),
    ],
)
def test_job_is_preparing_while_a_container_of_ours_is_at_work(container: str, reason: str, message: str) -> None:
    world = created()
    prepare(world, WORKER, container)
    world.settle()
    assert (world.phase, world.status.reason, world.status.message) == ("Preparing", reason, message)
    assert world.holds("Reconciling")


def test_least_advanced_pod_decides() -> None:
    world = created(multiWorker={"workers": 3})
    prepare(world, WORKER, "download-inputs")
    prepare(world, OTHER, "fetch-source")
    prepare(world, "mnist-worker-2", "install-packages")
    world.settle()
    assert world.status.reason == "FetchingCode"
    assert world.status.message == "Pod mnist-worker-1 is fetching its code, and 2 more are being prepared."


def test_job_goes_on_preparing_between_two_containers_and_before_its_program() -> None:
    world = created()
    prepare(world, WORKER, "fetch-source")
    world.settle()
    world.wait(60)
    prepare(world, WORKER, "fetch-source", runs=False)
    world.settle()
    assert (world.phase, world.status.reason) == ("Preparing", "FetchingCode")
    # A container of somebody else's comes last.
    prepare(world, WORKER, "", runs=True)
    world.settle()
    assert (world.phase, world.status.reason) == ("Preparing", "FetchingCode")
    world.start()
    world.settle()
    assert world.phase == "Running"


def test_steps_of_a_preparation_are_no_news_and_one_line_tells_of_them() -> None:
    world = created()
    steps = []
    for container in ("fetch-source", "install-packages", "download-inputs"):
        prepare(world, WORKER, container)
        steps.append(world.look().urgent)
        world.settle()
    assert steps == [True, False, False]
    world.start()
    world.settle()
    assert [event.reason for event in world.events] == ["Created", "FetchingCode", "Training"]


def test_image_that_cannot_be_pulled_comes_before_the_preparation() -> None:
    world = created()
    prepare(world, WORKER, "fetch-source")
    world.settle()
    world.change(WORKER, init_running=False, init_trouble="ImagePullBackOff: init container 'install-packages': no")
    world.settle()
    assert (world.phase, world.status.reason) == ("Pending", "ImagePull")


def test_restart_keeps_its_word_while_its_pods_are_prepared() -> None:
    world = created()
    world.start()
    world.settle()
    world.end(WORKER, 1)
    world.settle()
    world.stop_deleted()
    world.wait(600)
    world.settle()
    prepare(world, WORKER, "install-packages")
    world.settle()
    assert (world.phase, world.status.reason) == ("Restarting", "ProgramFailed")
    assert "installing its packages" in world.status.message


def fail(world: World, name: str, container: str, code: int, message: str) -> None:
    """Let a container of ours fail."""
    world.change(
        name,
        phase="Failed",
        preparing=container,
        init_name=container,
        init_exit_code=code,
        init_message=message,
        init_trouble=f"Error: init container {container!r} ended with exit code {code}: {message}",
    )


@pytest.mark.parametrize(
    ("container", "reason", "words"),
    [
        ("fetch-source", "SourceFailed", "could not fetch its code"),
        ("copy-tools", "PackagesFailed", "could not install its packages"),
        ("install-packages", "PackagesFailed", "could not install its packages"),
        ("download-inputs", "InputsFailed", "could not download its inputs"),
        ("restore-artifact", "RestoreFailed", "could not restore an artifact"),
    ],
)
def test_preparation_that_is_refused_fails_the_job_at_once(container: str, reason: str, words: str) -> None:
    world = created(**GROUP)
    fail(world, WORKER, container, 65, "fetching\nref 'mian' does not exist\n")
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", reason)
    assert world.status.message == f"Pod mnist-worker-0 {words}: ref 'mian' does not exist"
    assert counts(world) == (0, 0, 0)
    assert [(f.pod, f.exit_code, f.failure_class) for f in world.status.failures] == [(WORKER, 65, "Infra")]


def test_no_rule_of_the_job_restarts_what_is_refused() -> None:
    rule = {"action": "RestartJob", "onExitCodes": {"operator": "In", "values": [65]}}
    world = created(failurePolicy={"rules": [rule]})
    fail(world, WORKER, "fetch-source", 65, "no such repository")
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "SourceFailed")


@pytest.mark.parametrize(("container", "code"), [("fetch-source", 75), ("install-packages", 137), ("prepare", 65)])
def test_preparation_that_fails_otherwise_starts_anew(container: str, code: int) -> None:
    world = created()
    fail(world, WORKER, container, code, "the server does not answer")
    world.settle()
    assert (world.phase, world.status.reason) == ("Restarting", "PreparationFailed")
    assert counts(world) == (1, 1, 0)


def test_evaluator_that_cannot_be_prepared_fails_no_job() -> None:
    world = created(multiWorker={"workers": 1, "evaluator": True})
    world.start(WORKER)
    fail(world, "mnist-evaluator-0", "fetch-source", 65, "no")
    world.settle()
    assert world.phase == "Running"
    assert world.created.count("mnist-evaluator-0") == 1


def test_commit_that_was_fetched_is_told_with_the_start() -> None:
    world = created(**GIT)
    prepare(world, WORKER, "fetch-source")
    world.change(WORKER, fetched=f"commit {COMMIT} of https://example.com/x.git\n")
    world.settle()
    assert "source" not in world.status.manifest()
    patches = world.patches
    world.start()
    world.settle()
    assert world.status.source.manifest() == {"commit": COMMIT}
    assert world.patches == patches + 1


@pytest.mark.parametrize("words", ["", "main", "0123456", COMMIT + "0", f"x{COMMIT}", COMMIT.upper()])
def test_words_that_name_no_commit_are_not_taken_for_one(words: str) -> None:
    world = created(**GIT)
    world.change(WORKER, fetched=words)
    world.start()
    world.settle()
    assert world.status.source is None


def test_archive_that_was_fetched_is_told_by_its_address() -> None:
    world = created(source={"archive": {"uri": "https://code.example.com/x.tgz"}}, command=["python", "x.py"])
    assert world.status.source.manifest() == {"uri": "https://code.example.com/x.tgz"}
    assert world.patches == 1
