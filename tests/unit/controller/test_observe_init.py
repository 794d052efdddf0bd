"""What is read of containers that run before `main`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.controller.statuses import main, pod, running, terminated
from trainingjob.controller.observe import MESSAGE_LIMIT
from trainingjob.reconcile import MainContainer, ObservedPod


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"waiting": {"reason": "PodInitializing"}}, ""),
        ({"running": {"startedAt": "2026-01-31T12:00:10Z"}}, ""),
        ({"terminated": {"exitCode": 0, "reason": "Completed"}}, ""),
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}},
            "ImagePullBackOff: init container 'fetch': Back-off",
        ),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLoopBackOff: init container 'fetch'"),
        (
            {"terminated": {"exitCode": 3, "reason": "Error", "message": "no route\n"}},
            "Error: init container 'fetch' ended with exit code 3: no route",
        ),
    ],
)
def test_init_container_in_trouble_is_named(state: Mapping[str, Any], expected: str) -> None:
    waiting = main({"waiting": {"reason": "PodInitializing"}})
    found = pod({"initContainerStatuses": [{"name": "fetch", "state": state}], "containerStatuses": [waiting]})
    assert found.init_trouble == expected


def ended_badly(name: str, code: int, message: str = "") -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"exitCode": code, "reason": "Error", "message": message}}}


def initialized(*statuses: Mapping[str, Any], sidecars: tuple[str, ...] = (), **status: Any) -> ObservedPod:
    """Return a pod with these statuses of its init containers, some of which are native sidecars."""
    names = [found["name"] for found in statuses]
    containers = [{"name": name, **({"restartPolicy": "Always"} if name in sidecars else {})} for name in names]
    waiting = main({"waiting": {"reason": "PodInitializing"}})
    return pod(
        {"initContainerStatuses": list(statuses), "containerStatuses": [waiting], **status},
        spec={"initContainers": containers, "containers": [{"name": "main"}]},
    )


FETCHED = {"name": "fetch", "state": {"terminated": {"exitCode": 0, "reason": "Completed", "message": "64 files"}}}


def test_init_container_that_failed_is_told_with_its_exit_code_and_last_words() -> None:
    found = initialized(FETCHED, ended_badly("prepare", 78, "The image has no sshd."), phase="Failed")
    assert (found.init_name, found.init_exit_code, found.init_message) == ("prepare", 78, "The image has no sshd.")
    assert found.init_trouble == "Error: init container 'prepare' ended with exit code 78: The image has no sshd."
    assert found.main == MainContainer(reason="PodInitializing")


@pytest.mark.parametrize(
    "state",
    [
        {"waiting": {"reason": "CrashLoopBackOff"}},
        {"running": {"startedAt": "2026-01-31T12:00:10Z"}},
        {"terminated": {"exitCode": 0, "reason": "Completed", "message": "done"}},
    ],
)
def test_init_container_that_waits_runs_or_succeeded_did_not_end_badly(state: Mapping[str, Any]) -> None:
    found = initialized(FETCHED, {"name": "prepare", "state": state})
    assert (found.init_name, found.init_exit_code, found.init_message) == ("", None, "")


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        ("prepare", {"running": {"startedAt": "2026-01-31T12:00:10Z"}}, True),
        ("prepare", {"waiting": {"reason": "PodInitializing"}}, False),
        ("prepare", {"terminated": {"exitCode": 0, "reason": "Completed"}}, False),
        ("mesh", {"running": {"startedAt": "2026-01-31T12:00:10Z"}}, False),
    ],
)
def test_init_container_at_work_is_told_from_one_that_waits_and_from_a_sidecar(
    name: str, state: Mapping[str, Any], expected: bool
) -> None:
    found = initialized(FETCHED, {"name": name, "state": state}, sidecars=("mesh",))
    assert found.init_running == expected


def test_program_that_runs_has_no_init_container_at_work() -> None:
    late = {"name": "prepare", "state": {"running": {"startedAt": "2026-01-31T12:00:10Z"}}}
    assert not pod({"initContainerStatuses": [late], "containerStatuses": [running()]}).init_running


def test_native_sidecar_that_ends_before_main_begins_is_no_failed_init_container() -> None:
    mesh = ended_badly("mesh", 143)
    alone = initialized(mesh, sidecars=("mesh",))
    assert (alone.init_name, alone.init_exit_code, alone.init_trouble) == ("", None, "")
    both = initialized(mesh, ended_badly("prepare", 78), sidecars=("mesh",), phase="Failed")
    assert (both.init_name, both.init_exit_code) == ("prepare", 78)


def test_native_sidecar_that_cannot_start_is_trouble_without_an_exit_code() -> None:
    mesh = {"name": "mesh", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}}
    found = initialized(mesh, sidecars=("mesh",))
    assert found.init_trouble == "ImagePullBackOff: init container 'mesh': Back-off"
    assert found.init_exit_code is None


def test_last_words_of_an_init_container_keep_their_end() -> None:
    found = initialized(ended_badly("prepare", 1, "x" * 4000 + "no route"), phase="Failed")
    assert found.init_message.endswith("no route")
    assert len(found.init_message) == MESSAGE_LIMIT


def test_native_sidecar_that_ended_after_main_is_no_trouble() -> None:
    sidecar = {"name": "mesh", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}
    found = pod({"initContainerStatuses": [sidecar], "containerStatuses": [terminated(0, "Completed")]})
    assert found.init_trouble == ""


PREPARED = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": "2026-01-31T12:00:10Z"}}


@pytest.mark.parametrize(
    ("state", "acknowledged", "expected"),
    [
        ({"running": {"startedAt": "2026-01-31T12:00:01Z"}}, {}, None),
        ({"terminated": {**PREPARED["terminated"], "exitCode": 1}}, {}, None),
        (PREPARED, {}, 10),
        (PREPARED, {"startTime": "2026-01-31T12:00:01Z"}, 10),
        (PREPARED, {"startTime": "2026-01-31T11:59:50Z"}, 20),
    ],
    ids=["at-work", "failed", "unacknowledged", "acknowledged", "clock-of-the-node-is-slow"],
)
def test_end_of_the_preparation_is_told_by_the_clock_that_made_the_pod(
    state: Mapping[str, Any], acknowledged: Mapping[str, Any], expected: int | None
) -> None:
    found = initialized(FETCHED, {"name": "prepare", "state": state}, **acknowledged)
    assert found.prepared == (expected and found.created + timedelta(seconds=expected))
