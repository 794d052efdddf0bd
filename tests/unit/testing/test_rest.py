"""The judge on what is left when nothing happens any more."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.testing.history import BEGIN, HOME, Body, History, Play, Plays
from trainingjob.api.times import format_time
from trainingjob.controller.kube import DEPLOYMENTS, PODS, SERVICES
from trainingjob.testing import Write

plays = Plays()
breaks, keeps = plays.breaks, plays.keeps


def serving(history: History, *replicas: str, **spec: Any) -> tuple[Body, ...]:
    """Return a job that runs and has its Service, and its pods."""
    job, *pods = history.running(*replicas, **spec)
    history.creates(SERVICES, history.child(job, job["metadata"]["name"]))
    return job, *pods


def stalled(history: History, job: Body, **condition: str) -> None:
    """Write that a job cannot be carried out; what is given replaces what is right."""
    right = {"type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": "spec.x: no such field"}
    history.operator_says(job, phase="Pending", observedGeneration=1, conditions=[{**right, **condition}])


# 10: what must have no pods


@breaks(10)
def suspended_with_a_live_pod(history: History) -> None:
    job, _ = serving(history)
    history.operator_says(history.user_changes(job, suspend=True), phase="Suspended", observedGeneration=2)
    history.rests()


@breaks(10)
def cancelled_with_a_live_pod_that_its_policy_keeps(history: History) -> None:
    job, _ = serving(history, cleanPodPolicy="None")
    history.operator_ends(history.user_changes(job, cancel=True), "Cancelled")
    history.rests()


@breaks(10)
def deleted_with_a_live_pod(history: History) -> None:
    job, _ = serving(history)
    history.user_deletes(job)
    history.rests()


@breaks(10)
def failed_with_a_live_pod(history: History) -> None:
    job, pod, _ = serving(history, "worker-0", "worker-1", multiWorker={})
    history.kubelet_says(pod, "Failed", 1)
    history.operator_ends(job, "Failed")
    history.rests()


@keeps
def failed_with_a_live_pod_that_its_policy_keeps(history: History) -> None:
    job, pod, _ = serving(history, "worker-0", "worker-1", multiWorker={}, cleanPodPolicy="None")
    history.kubelet_says(pod, "Failed", 1)
    history.operator_ends(job, "Failed")
    history.rests()


@keeps
def succeeded_with_a_pod_that_has_ended(history: History) -> None:
    job, pod = serving(history)
    history.kubelet_says(pod, "Succeeded", 0)
    history.operator_ends(job, "Succeeded")
    history.rests()


# 13: nothing is written at rest


@breaks(13)
def write_at_rest(history: History) -> None:
    job, _ = serving(history)
    history.rests()
    history.operator_says(job, message="The same in other words.")


@keeps
def write_after_a_disturbance(history: History) -> None:
    job, _ = serving(history)
    history.rests()
    history.judge.disturbed()
    history.operator_says(job, message="The same in other words.")


@keeps
def create_at_rest_that_a_quota_refuses(history: History) -> None:
    job, _ = serving(history)
    history.rests()
    history.judge.wrote(Write("create", "pods", HOME, "mnist-worker-0", body=history.child(job, "m"), status=403))


# 14: what cannot be carried out says so


@breaks(14)
def poisoned_without_a_word(history: History) -> None:
    history.rests(history.user_creates())


@breaks(14)
def poisoned_with_a_condition_that_says_nothing(history: History) -> None:
    job = history.user_creates()
    stalled(history, job, message="")
    history.rests(job)


@breaks(15)
def another_job_that_waits_behind_a_poisoned_one(history: History) -> None:
    job = history.user_creates("poisoned")
    stalled(history, job)
    history.user_creates()
    history.rests(job)


@keeps
def poisoned_with_a_clear_condition(history: History) -> None:
    job = history.user_creates()
    stalled(history, job)
    history.rests(job)


# 15: everything has ended or says what it waits for


@breaks(15)
def end_that_never_comes_although_the_outcome_is_decided(history: History) -> None:
    history.uploading()
    history.rests()


@breaks(15)
def job_that_nobody_has_looked_at(history: History) -> None:
    history.user_creates()
    history.rests()


@breaks(15)
def change_that_nobody_has_looked_at(history: History) -> None:
    job, _ = serving(history)
    history.user_changes(job, maxRestarts=7)
    history.rests()


@breaks(15)
def suspension_that_was_not_carried_out(history: History) -> None:
    job = history.user_creates(suspend=True)
    history.operator_says(job, phase="Pending", reason="Unschedulable", message="No node.", observedGeneration=1)
    history.rests()


@breaks(15)
def start_that_goes_on_for_ever(history: History) -> None:
    job = history.user_creates()
    history.operator_says(job, phase="Pending", reason="Starting", message="0 of 1.", observedGeneration=1)
    history.rests()


@breaks(15)
def restart_whose_time_has_passed(history: History) -> None:
    job, pod = serving(history)
    history.kubelet_says(pod, "Failed", 1)
    due = format_time(BEGIN + timedelta(seconds=10))
    history.operator_says(
        job, phase="Restarting", reason="ProgramFailed", message="Failed.", attempt=1, restarts=1, restartTime=due
    )
    history.rests()


@keeps
def restart_whose_time_is_still_to_come(history: History) -> None:
    job, pod = serving(history)
    history.kubelet_says(pod, "Failed", 1)
    due = format_time(BEGIN + timedelta(days=1))
    history.operator_says(
        job, phase="Restarting", reason="ProgramFailed", message="Failed.", attempt=1, restarts=1, restartTime=due
    )
    history.rests()


@breaks(15)
def run_without_one_of_its_replicas(history: History) -> None:
    serving(history, "worker-0", multiWorker={})
    history.rests()


@keeps
def run_of_which_a_worker_has_ended_well_and_is_gone(history: History) -> None:
    _, _, pod = serving(history, "worker-0", "worker-1", multiWorker={})
    history.kubelet_says(pod, "Succeeded", 0)
    history.somebody_deletes(pod)
    history.rests()


@breaks(15)
def wait_for_an_evaluator_that_has_ended(history: History) -> None:
    block = {"workers": 1, "evaluator": True}
    job, worker, evaluator = serving(history, "worker-0", "evaluator-0", multiWorker=block)
    history.kubelet_says(worker, "Succeeded", 0)
    history.operator_says(job, phase="Finalizing", reason="WaitingForEvaluator")
    history.kubelet_says(evaluator, "Succeeded", 0)
    history.rests()


@keeps
def wait_for_an_evaluator_that_runs(history: History) -> None:
    block = {"workers": 1, "evaluator": True}
    job, worker, _ = serving(history, "worker-0", "evaluator-0", multiWorker=block)
    history.kubelet_says(worker, "Succeeded", 0)
    history.operator_says(job, phase="Finalizing", reason="WaitingForEvaluator")
    history.rests()


@keeps
def wait_for_a_pod_that_its_lost_node_keeps(history: History) -> None:
    job, pod = serving(history)
    history.server.bind(HOME, pod["metadata"]["name"], "lost")
    history.kubelet_says(pod, "Running")
    history.server.delete(PODS, HOME, pod["metadata"]["name"])
    message = "1 pods of the attempt before are still ending."
    history.operator_says(job, phase="Restarting", reason="PodDeleted", message=message, attempt=1, disruptions=1)
    history.rests()


@breaks(15)
def job_that_has_outlived_its_time(history: History) -> None:
    job = history.user_creates(ttlSecondsAfterFinished=60)
    history.operator_ends(job, "Failed", completionTime=format_time(BEGIN))
    history.rests()


@breaks(15)
def pod_that_has_outlived_its_time(history: History) -> None:
    job, pod = serving(history, podTTLSeconds=60)
    history.kubelet_says(pod, "Succeeded", 0)
    history.operator_ends(job, "Succeeded", completionTime=format_time(BEGIN))
    history.rests()


def shown(history: History, **tensorboard: Any) -> Body:
    """Return a job that has ended, and whose TensorBoard stands."""
    job = history.user_creates(tensorboard={"enabled": True, "ttlSeconds": 86_400, **tensorboard})
    history.operator_says(job, phase="Pending", tensorboard={"url": "http://mnist-tensorboard.team.svc:6006/"})
    history.creates(DEPLOYMENTS, history.child(job, "mnist-tensorboard"))
    history.operator_ends(job, "Failed", completionTime=format_time(BEGIN))
    return job


@breaks(15)
def tensorboard_that_has_outlived_its_time(history: History) -> None:
    shown(history, ttlSeconds=60)
    history.rests()


@breaks(15)
def tensorboard_that_was_turned_off(history: History) -> None:
    shown(history, enabled=False)
    history.rests()


@breaks(15)
def tensorboard_of_which_the_status_speaks_alone(history: History) -> None:
    job = shown(history)
    history.operator_deletes(history.server.get(DEPLOYMENTS, HOME, "mnist-tensorboard"), DEPLOYMENTS)
    history.operator_says(job, phase="Failed")
    history.rests()


@keeps
def tensorboard_whose_time_is_not_over(history: History) -> None:
    shown(history)
    history.rests()


@keeps
def job_whose_time_is_not_over(history: History) -> None:
    job = history.user_creates(ttlSecondsAfterFinished=86_400)
    history.operator_ends(job, "Failed", completionTime=format_time(BEGIN))
    history.rests()


@keeps
def wait_that_is_explained(history: History) -> None:
    job = history.user_creates()
    history.operator_says(job, phase="Pending", reason="Unschedulable", message="No node.", observedGeneration=1)
    history.rests()


@keeps
def job_of_another_manager(history: History) -> None:
    history.user_creates(managedBy="example.com/other")
    history.rests()


@pytest.mark.parametrize(("number", "play"), plays.breaking, ids=lambda value: getattr(value, "__name__", str(value)))
def test_rest_that_is_none_is_told_by_its_number(number: int, play: Play) -> None:
    history = History()
    play(history)
    assert history.broken() == [number], history.judge.violations


@pytest.mark.parametrize("play", plays.keeping, ids=lambda play: play.__name__)
def test_good_rest_breaks_nothing(play: Play) -> None:
    history = History()
    play(history)
    assert history.judge.violations == []
