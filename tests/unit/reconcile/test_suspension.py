"""Suspended jobs have no pods, cancelled ones never again; deadlines and times to live follow from stored times."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.world import World

GROUP: dict[str, Any] = {"multiWorker": {"workers": 2}}
WORKERS = ["mnist-worker-0", "mnist-worker-1"]


def change(world: World, **spec: Any) -> None:
    """Change the spec as a user does."""
    changed = make_job(**{**GROUP, **spec})
    world.job = replace(
        world.job, spec=changed.spec, managed_by=changed.managed_by, generation=world.job.generation + 1
    )


def running(**spec: Any) -> World:
    """Return a world whose job runs."""
    world = World(**{**GROUP, **spec})
    world.settle()
    world.start()
    world.settle()
    return world


def test_job_that_is_created_suspended_gets_nothing_until_it_is_resumed() -> None:
    world = World(**GROUP, suspend=True)
    world.settle()
    assert (world.phase, world.created) == ("Suspended", [])
    assert world.holds("Suspended")
    assert not world.holds("Reconciling")
    change(world, suspend=False)
    world.settle()
    world.start()
    world.settle()
    assert world.phase == "Running"
    assert not world.holds("Suspended")


def test_suspension_is_stored_before_the_pods_are_deleted_and_ends_with_none() -> None:
    world = running()
    change(world, suspend=True)
    world.step()
    assert (world.phase, world.deleted) == ("Suspended", [])
    world.settle()
    assert world.deleted == WORKERS
    world.stop_deleted()
    world.settle()
    assert (world.status.ready, world.status.replicas["worker"].active) == ("0/2", 0)


def test_resumed_job_waits_for_its_old_pods_and_starts_from_the_beginning_at_no_charge() -> None:
    world = running()
    world.end(WORKERS[1])
    world.settle()
    change(world, suspend=True)
    world.settle()
    change(world, suspend=False)
    world.settle()
    assert world.phase == "Suspended"
    created = len(world.created)
    world.stop_deleted()
    world.settle()
    assert set(world.created[created:]) >= set(WORKERS)
    assert (world.status.attempt, world.status.restarts, world.status.disruptions) == (0, 0, 0)


def test_cancelled_job_keeps_its_record_and_loses_its_pods_whatever_its_policy() -> None:
    world = running(cleanPodPolicy="None")
    change(world, cancel=True, cleanPodPolicy="None")
    world.settle()
    assert (world.phase, world.status.reason) == ("Cancelled", "Cancelled")
    assert world.holds("Finished")
    assert not world.holds("Succeeded")
    assert not world.holds("Failed")
    assert world.deleted == WORKERS
    world.stop_deleted()
    change(world, cancel=True, suspend=False)
    world.settle()
    assert world.pods == {}


def test_suspended_job_can_be_cancelled() -> None:
    world = World(**GROUP, suspend=True)
    world.settle()
    change(world, suspend=True, cancel=True)
    world.settle()
    assert world.phase == "Cancelled"
    assert not world.holds("Suspended")


def test_job_of_another_controller_is_never_written() -> None:
    world = World(**GROUP, managedBy="kueue.x-k8s.io/multikueue")
    world.settle()
    assert (world.created, world.patches) == ([], 0)
    ours = World(**GROUP, managedBy="trainingjob.dev/trainingjob-operator")
    ours.settle()
    assert set(ours.created) >= set(WORKERS)


def test_active_deadline_does_not_run_while_the_job_is_suspended() -> None:
    world = running(activeDeadlineSeconds=100)
    world.wait(60)
    change(world, suspend=True, activeDeadlineSeconds=100)
    world.settle()
    world.stop_deleted()
    world.wait(3600)
    change(world, suspend=False, activeDeadlineSeconds=100)
    world.settle()
    world.start()
    world.settle()
    world.wait(39)
    world.settle()
    assert world.phase == "Running"
    world.wait(1)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "DeadlineExceeded")
    assert set(world.deleted[2:]) == set(WORKERS)


def test_deadline_that_passed_while_nobody_looked_holds() -> None:
    world = running(activeDeadlineSeconds=100)
    world.wait(7200)
    world.settle()
    assert world.status.reason == "DeadlineExceeded"


def test_pending_deadline_tells_what_the_job_waited_for() -> None:
    world = World(**GROUP, pendingDeadlineSeconds=300)
    world.settle()
    world.change(WORKERS[0], unschedulable="0/3 nodes are available", scheduling_reason="Unschedulable")
    world.settle()
    world.wait(299)
    world.settle()
    assert world.phase == "Pending"
    world.wait(1)
    world.settle()
    assert (world.phase, world.status.reason) == ("Failed", "PendingDeadlineExceeded")
    assert "0/3 nodes are available" in world.status.message


def test_pending_deadline_counts_from_the_last_resumption_and_ends_with_the_start() -> None:
    world = World(**GROUP, pendingDeadlineSeconds=300, suspend=True)
    world.settle()
    world.wait(4000)
    change(world, pendingDeadlineSeconds=300)
    world.settle()
    world.wait(200)
    world.settle()
    assert world.phase == "Pending"
    world.start()
    world.settle()
    world.wait(4000)
    world.settle()
    assert world.phase == "Running"


@pytest.mark.parametrize("seconds", [0, 60])
def test_pods_of_a_finished_job_go_when_their_time_is_over(seconds: int) -> None:
    world = running(podTTLSeconds=seconds, cleanPodPolicy="None")
    world.end(WORKERS[0])
    world.settle()
    if seconds:
        assert world.deleted == []
        world.wait(seconds)
        world.settle()
    assert world.deleted == WORKERS
    assert not world.retired


def test_finished_job_goes_when_its_time_is_over_however_long_nobody_looked() -> None:
    world = running(ttlSecondsAfterFinished=60)
    world.end(WORKERS[0])
    world.settle()
    assert not world.retired
    world.wait(59)
    world.settle()
    assert not world.retired
    world.wait(9999)
    world.step()
    assert world.retired


@pytest.mark.parametrize(("policy", "removed"), [("ForceDelete", True), ("Wait", False)])
def test_pod_on_a_lost_node_is_removed_by_force_after_its_grace(policy: str, removed: bool) -> None:
    world = running(onNodeLost=policy)
    world.change(WORKERS[1], deleting=True, disruption="DeletionByTaintManager", gone_by=world.now)
    world.settle()
    before = world.deleted.count(WORKERS[1])
    world.wait(31)
    world.step()
    assert (world.deleted.count(WORKERS[1]) > before) == removed
