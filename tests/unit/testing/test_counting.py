"""The judge on restarts: each failure is charged once, before anything is done about it."""

import pytest

from tests.unit.testing.history import History, Play, Plays

plays = Plays()
breaks, keeps = plays.breaks, plays.keeps


@keeps
def restart_of_the_whole_job(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, phase="Restarting", attempt=1, restarts=1)
    history.operator_deletes(pod)
    history.operator_creates(job, attempt=1)


@keeps
def restart_after_a_pod_was_taken_away(history: History) -> None:
    job, pod = history.running()
    history.somebody_deletes(pod)
    history.operator_says(job, attempt=1, disruptions=1)


@breaks(8)
def new_attempt_that_nobody_pays(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1)


@breaks(8)
def new_attempt_that_is_paid_twice(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1, disruptions=1)


@breaks(8)
def two_attempts_at_once(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=2, restarts=2)


@breaks(8)
def same_failure_in_the_next_attempt(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1)
    history.operator_says(job, attempt=2, restarts=2)


@breaks(8)
def restart_without_a_failure(history: History) -> None:
    job, _ = history.running()
    history.operator_says(job, attempt=1, restarts=1)


@breaks(8)
def charge_without_a_restart(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, restarts=1)


@breaks(8)
def deletion_before_the_status_says_why(history: History) -> None:
    _, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_deletes(pod)


@breaks(8)
def more_restarts_than_the_job_allows(history: History) -> None:
    job, pod = history.running(maxRestarts=0)
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1)


@keeps
def budget_that_was_lowered_afterwards(history: History) -> None:
    job, pod = history.running(maxRestarts=1)
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1)
    history.user_changes(job, maxRestarts=0)
    history.operator_says(job, phase="Restarting")


@keeps
def restart_of_two_replicas_alone(history: History) -> None:
    job, one, two = history.running("worker-0", "worker-1", parameterServer={"workers": 2})
    history.kubelet_says(one, "Failed", 1)
    history.somebody_deletes(two)
    restarting = {"mnist-worker-0": one["metadata"]["uid"], "mnist-worker-1": ""}
    history.operator_says(job, restarts=1, disruptions=1, restarting=restarting)
    history.operator_deletes(one)
    history.operator_says(job, restarting=None)


@breaks(8)
def two_replicas_for_the_price_of_one(history: History) -> None:
    job, one, two = history.running("worker-0", "worker-1", parameterServer={"workers": 2})
    for pod in (one, two):
        history.kubelet_says(pod, "Failed", 1)
    restarting = {"mnist-worker-0": one["metadata"]["uid"], "mnist-worker-1": two["metadata"]["uid"]}
    history.operator_says(job, restarts=1, restarting=restarting)


@breaks(8)
def replica_that_restarts_alone_and_then_with_all(history: History) -> None:
    job, pod, _ = history.running("worker-0", "ps-0", parameterServer={})
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, restarts=1, restarting={"mnist-worker-0": pod["metadata"]["uid"]})
    history.operator_says(job, attempt=1, restarts=2)


@breaks(8)
def replica_that_restarts_alone_twice_for_one_failure(history: History) -> None:
    job, pod = history.running("worker-0", parameterServer={})
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, restarts=1, restarting={"mnist-worker-0": pod["metadata"]["uid"]})
    history.operator_deletes(pod)
    history.operator_says(job, restarts=2, restarting={"mnist-worker-0": ""})


@breaks(8)
def replica_that_restarts_alone_for_nothing(history: History) -> None:
    job, pod = history.running("worker-0", parameterServer={})
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, restarting={"mnist-worker-0": pod["metadata"]["uid"]})


@keeps
def replicas_that_are_new_to_an_elastic_job(history: History) -> None:
    elastic = {"nodes": 1, "elastic": {"minNodes": 1, "maxNodes": 3}}
    job, _ = history.running(torch=elastic)
    history.user_changes(job, torch={"nodes": 2})
    history.operator_says(job, restarting={"mnist-worker-1": ""})


@keeps
def deletion_of_a_replica_too_many(history: History) -> None:
    job, _, pod = history.running("worker-0", "worker-1", torch={"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 2}})
    history.user_changes(job, torch={"nodes": 1})
    history.operator_deletes(pod)


@keeps
def failures_that_are_known_at_a_resumption(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    failure = {"pod": "mnist-worker-0", "uid": pod["metadata"]["uid"], "attempt": 0}
    history.operator_says(job, phase="Suspended", failures=[failure])
    history.operator_deletes(pod)
    history.operator_says(job, phase="Pending", restarting={"mnist-worker-0": pod["metadata"]["uid"]})


@keeps
def end_that_charges_nothing(history: History) -> None:
    job, pod = history.running(maxRestarts=0)
    history.kubelet_says(pod, "Failed", 1)
    history.operator_ends(job, "Failed")
    history.operator_deletes(pod)


@breaks(8)
def failure_that_is_passed_over_for_good(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, reason="Whatever")
    history.rests()


@pytest.mark.parametrize(("number", "play"), plays.breaking, ids=lambda value: getattr(value, "__name__", str(value)))
def test_history_of_wrong_counts_is_told_by_its_number(number: int, play: Play) -> None:
    history = History()
    play(history)
    assert history.broken() == [number], history.judge.violations


@pytest.mark.parametrize("play", plays.keeping, ids=lambda play: play.__name__)
def test_history_of_right_counts_breaks_nothing(play: Play) -> None:
    history = History()
    play(history)
    assert history.judge.violations == []
