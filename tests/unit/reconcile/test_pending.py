"""Why a job does not run yet: each cause is in the status, in the words of what blocks it."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.world import World
from trainingjob.reconcile import MainContainer, RefusalKind


def waiting(**pod: Any) -> World:
    """Return a world of one job whose pod waits in the given way."""
    world = World()
    world.settle()
    world.change("mnist-worker-0", **pod)
    world.settle()
    return world


CASES = [
    (
        {"unschedulable": "0/1 nodes are available: 1 node(s) didn't match.", "scheduling_reason": "Unschedulable"},
        "Unschedulable",
        "Pod mnist-worker-0 finds no node: 0/1 nodes are available: 1 node(s) didn't match.",
    ),
    (
        {
            "scheduling_reason": "SchedulingGated",
            "unschedulable": "Scheduling is blocked due to non-empty scheduling gates",
        },
        "Queued",
        "Scheduling is blocked due to non-empty scheduling gates",
    ),
    (
        {"main": MainContainer(reason="ImagePullBackOff", message='Back-off pulling image "nope"')},
        "ImagePull",
        'cannot get its image (ImagePullBackOff): Back-off pulling image "nope"',
    ),
    (
        {"main": MainContainer(reason="CreateContainerConfigError", message='configmap "nope" not found')},
        "ContainerConfig",
        'configmap "nope" not found',
    ),
    ({"init_trouble": "CrashLoopBackOff: back-off 10s"}, "InitContainer", "CrashLoopBackOff: back-off 10s"),
    (
        {"init_trouble": "ImagePullBackOff: init container 'prepare': Back-off"},
        "ImagePull",
        "cannot get its image (ImagePullBackOff): init container 'prepare': Back-off",
    ),
    (
        {"init_trouble": "CreateContainerConfigError: init container 'prepare': secret \"keys\" not found"},
        "ContainerConfig",
        'secret "keys" not found',
    ),
]


@pytest.mark.parametrize(("pod", "reason", "words"), CASES, ids=[case[1] for case in CASES])
def test_pod_that_waits_gives_the_job_its_reason_and_words(pod: dict[str, Any], reason: str, words: str) -> None:
    world = waiting(**pod)
    assert (world.phase, world.status.reason) == ("Pending", reason)
    assert words in world.status.message
    assert world.condition("Reconciling").message == world.status.message  # type: ignore[union-attr]
    assert [event.reason for event in world.events if event.type == "Warning"] == [reason]


def test_cause_that_has_passed_leaves_the_status() -> None:
    world = waiting(unschedulable="no node", scheduling_reason="Unschedulable")
    world.change("mnist-worker-0", unschedulable="", scheduling_reason="")
    world.settle()
    assert world.status.reason == "Starting"


@pytest.mark.parametrize("why", list(RefusalKind))
def test_refused_pod_is_reported_and_tried_again(why: RefusalKind) -> None:
    world = World()
    world.refused["mnist-worker-0"] = (why, "exceeded quota: two-pods")
    world.step()
    assert (world.phase, world.status.reason) == ("Pending", str(why))
    assert world.status.message == "Pod mnist-worker-0 could not be created: exceeded quota: two-pods"
    world.refused.clear()
    world.settle()
    assert "mnist-worker-0" in world.created
    assert world.status.reason == "Starting"


def test_slow_container_names_what_the_pod_needs() -> None:
    world = World(volumes=[{"name": "settings", "configMap": {"name": "train-settings"}}])
    world.settle()
    assert world.status.reason == "Starting"
    world.wait(21)
    world.settle()
    assert world.status.reason == "ContainerCreating"
    assert "ConfigMap train-settings" in world.status.message


def test_recreated_job_waits_for_the_old_pods_and_inherits_nothing() -> None:
    world = World(parameterServer={"workers": 1})
    world.pods["mnist-worker-0"] = world.a_pod("mnist-worker-0", "an-earlier-uid")
    world.settle()
    assert world.created == []
    assert world.status.reason == "WaitingForOldPods"
    world.change("mnist-worker-0", deleting=True)
    world.settle()
    assert "still being deleted" in world.status.message
    world.end("mnist-worker-0", 1)
    world.settle()
    assert world.phase == "Pending"
    assert world.status.failures is None
    world.stop_deleted()
    world.settle()
    assert world.created == ["mnist", "mnist-worker-0", "mnist-ps-0"]


def test_old_service_is_waited_for_too() -> None:
    world = World()
    world.services["mnist"] = world.a_service("mnist", "an-earlier-uid")
    world.settle()
    assert (world.created, world.status.reason) == ([], "WaitingForOldPods")


def test_deleted_service_of_a_running_job_is_created_again() -> None:
    world = World(parameterServer={"workers": 1})
    world.settle()
    world.start()
    world.settle()
    world.services.clear()
    world.settle()
    assert world.created.count("mnist") == 2


def test_stored_form_that_does_not_validate_stalls_with_the_reason() -> None:
    world = World(make_job(invalid=True, spec={"image": "x", "gpusPerWorker": -1}))
    world.settle()
    assert (world.phase, world.status.reason) == ("Pending", "InvalidSpec")
    assert "gpusPerWorker" in world.status.message
    assert world.holds("Stalled")
    assert world.created == []


def test_job_that_the_plan_refuses_stalls_with_the_reason() -> None:
    world = World(parameterServer={"workers": 9000})
    world.settle()
    assert world.holds("Stalled")
    assert world.created == []
    assert world.status.message


def test_endless_message_is_cut_to_what_the_schema_allows() -> None:
    world = waiting(unschedulable="x" * 50_000, scheduling_reason="Unschedulable")
    assert len(world.status.message) <= 4096
    assert len(world.condition("Reconciling").message) <= 4096  # type: ignore[union-attr]
