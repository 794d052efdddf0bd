"""The evaluator: the end waits for it, and it never fails a job."""

from tests.support.world import World
from trainingjob.reconcile import MainContainer, RefusalKind

ESTIMATOR = {"workers": 1, "servers": 1, "chief": True, "evaluator": True}


def trained(grace: int = 900) -> World:
    """Return a world whose chief has just ended with success while the evaluator runs."""
    world = World(parameterServer=ESTIMATOR, evaluatorGraceSeconds=grace)
    world.settle()
    world.start()
    world.settle()
    world.wait(60)
    world.end("mnist-chief-0")
    world.settle()
    return world


def test_end_waits_for_a_running_evaluator() -> None:
    world = trained()
    assert (world.phase, world.status.reason) == ("Finalizing", "WaitingForEvaluator")
    assert world.deleted == []
    world.wait(100)
    world.end("mnist-evaluator-0")
    world.settle()
    assert world.phase == "Succeeded"


def test_end_waits_no_longer_than_the_grace() -> None:
    world = trained(grace=30)
    world.wait(29)
    world.settle()
    assert world.phase == "Finalizing"
    world.wait(1)
    world.settle()
    assert world.phase == "Succeeded"
    assert "mnist-evaluator-0" in world.deleted


def test_failure_after_the_training_changes_nothing() -> None:
    world = trained()
    world.wait(1)
    world.end("mnist-ps-0", 1)
    world.settle()
    assert world.phase == "Finalizing"


def test_chief_deleted_while_the_end_waits_does_not_undo_the_success() -> None:
    world = trained(grace=30)
    del world.pods["mnist-chief-0"]
    world.wait(40)
    world.settle()
    assert world.phase == "Succeeded"


def test_failed_evaluator_is_recorded_and_fails_nothing() -> None:
    world = World(parameterServer=ESTIMATOR)
    world.settle()
    world.start()
    world.end("mnist-evaluator-0", 1)
    world.settle()
    assert world.phase == "Running"
    assert [failure.pod for failure in world.status.failures] == ["mnist-evaluator-0"]
    del world.pods["mnist-evaluator-0"]
    world.settle()
    assert world.created.count("mnist-evaluator-0") == 1
    world.end("mnist-chief-0")
    world.settle()
    assert world.phase == "Succeeded"


def test_evaluator_that_never_got_a_node_holds_up_neither_start_nor_end() -> None:
    world = World(parameterServer=ESTIMATOR)
    world.settle()
    world.start("mnist-chief-0", "mnist-worker-0", "mnist-ps-0")
    world.change("mnist-evaluator-0", unschedulable="0/1 nodes are available.", scheduling_reason="Unschedulable")
    world.settle()
    assert (world.phase, world.status.reason) == ("Running", "Unschedulable")
    world.end("mnist-chief-0")
    world.settle()
    assert world.phase == "Succeeded"


def test_evaluator_whose_pod_was_never_created_is_created_later_and_charged_to_nobody() -> None:
    world = World(parameterServer=ESTIMATOR)
    world.refused["mnist-evaluator-0"] = (RefusalKind.QUOTA, "exceeded quota: pods")
    world.settle()
    world.start("mnist-chief-0", "mnist-worker-0", "mnist-ps-0")
    world.settle()
    assert (world.phase, world.status.reason) == ("Running", "QuotaExceeded")
    assert world.status.disruptions == 0
    world.refused.clear()
    world.settle()
    assert world.created.count("mnist-evaluator-0") == 1
    assert (world.status.disruptions, world.status.failures) == (0, None)
    world.start("mnist-evaluator-0")
    world.settle()
    assert (world.status.reason, world.status.restarting) == ("Training", None)


def test_evaluator_whose_failure_was_counted_before_the_start_is_not_counted_again_at_the_start() -> None:
    world = World(parameterServer=ESTIMATOR)
    world.settle()
    world.start()
    world.change("mnist-chief-0", phase="Pending", main=MainContainer())
    world.end("mnist-evaluator-0", 1)
    world.settle()
    assert (world.phase, world.status.restarts) == ("Pending", 1)
    world.start("mnist-chief-0")
    world.settle()
    assert (world.phase, world.status.restarts) == ("Running", 1)
    assert len(world.status.failures) == 1
