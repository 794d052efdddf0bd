"""What is read of the operator's own containers in a pod."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.controller.statuses import main, pod, running, terminated
from trainingjob.controller.observe_ours import REPORT_LIMIT
from trainingjob.reconcile import ObservedPod, Sidecar

WAITS: Mapping[str, Any] = {"waiting": {"reason": "PodInitializing"}}
RUNS: Mapping[str, Any] = {"running": {"startedAt": "2026-01-31T12:00:10Z"}}
OURS = ("fetch-source", "copy-tools", "install-packages", "download-inputs", "restore-artifact", "artifacts")


def done(code: int = 0, message: str = "", reason: str = "Completed") -> dict[str, Any]:
    """Return the state of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def seen(*, first: str = "", last: str = "", program: Mapping[str, Any] | None = None, **states: Any) -> ObservedPod:
    """Return a pod with our containers, those in states that are named by their names with `_` for `-`."""
    names = [*([first] if first else []), *OURS, *([last] if last else [])]
    containers = [{"name": name, **({"restartPolicy": "Always"} if name == "artifacts" else {})} for name in names]
    statuses = [{"name": name, "state": states.get(name.replace("-", "_"), WAITS)} for name in names]
    return pod(
        {"initContainerStatuses": statuses, "containerStatuses": [program or main(WAITS)]},
        spec={"initContainers": containers, "containers": [{"name": "main"}]},
    )


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, ""),
        ({"fetch_source": RUNS}, "fetch-source"),
        ({"fetch_source": done()}, "fetch-source"),
        ({"fetch_source": done(), "copy_tools": done(), "install_packages": RUNS}, "install-packages"),
        ({"fetch_source": done(), "download_inputs": done(75)}, "download-inputs"),
        ({"fetch_source": done(), "artifacts": RUNS}, "fetch-source"),
        ({"first": "mesh", "mesh": RUNS}, ""),
        ({"first": "mesh", "mesh": done(), "fetch_source": RUNS}, "fetch-source"),
        ({"last": "prepare", "fetch_source": done(), "prepare": RUNS}, ""),
        ({"fetch_source": done(), "program": running()}, ""),
        ({"fetch_source": done(), "program": terminated(0)}, ""),
    ],
)
def test_container_of_ours_that_is_at_work_or_was_the_last_is_named(states: dict[str, Any], expected: str) -> None:
    assert seen(**states).preparing == expected


@pytest.mark.parametrize("program", [None, running(), terminated(1)])
def test_words_of_the_source_are_kept_for_as_long_as_the_pod_is_there(program: Mapping[str, Any] | None) -> None:
    assert seen(fetch_source=done(message="abc"), program=program).fetched == "abc"


def test_source_that_failed_has_fetched_nothing() -> None:
    assert seen(fetch_source=done(65, "no such ref")).fetched == ""


def test_sidecar_that_runs_or_waits_has_not_ended() -> None:
    assert seen().artifacts == Sidecar()
    assert seen(artifacts=RUNS, program=running()).artifacts == Sidecar()


def test_end_of_the_sidecar_comes_with_its_report() -> None:
    found = seen(artifacts=done(1, '{"v":1}', "Error"), program=terminated(0))
    assert found.artifacts == Sidecar(ended=True, exit_code=1, reason="Error", report='{"v":1}')


def test_report_that_is_too_long_is_seen_to_be_too_long() -> None:
    sidecar = seen(artifacts=done(0, "x" * 99_999), program=terminated(0)).artifacts
    assert sidecar is not None
    assert len(sidecar.report) == REPORT_LIMIT + 1


def test_container_of_that_name_that_is_no_sidecar_uploads_nothing() -> None:
    found = pod(
        {"initContainerStatuses": [{"name": "artifacts", "state": done(0, "{}")}]},
        spec={"initContainers": [{"name": "artifacts"}]},
    )
    assert found.artifacts is None


def test_pod_without_containers_of_ours_has_none() -> None:
    found = pod({"containerStatuses": [running()]}, spec={"containers": [{"name": "main"}]})
    assert (found.preparing, found.fetched, found.artifacts, found.stopped) == ("", "", None, False)


def test_pod_with_a_deadline_of_its_own_is_stopped() -> None:
    assert pod({}, spec={"activeDeadlineSeconds": 1}).stopped
