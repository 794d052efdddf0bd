"""The judge on jobs: histories that break an invariant, and histories that come near and do not."""

import pytest

from tests.unit.testing.history import HOME, SUCCESS, History, Play, Plays
from trainingjob.testing import Write

plays = Plays()
breaks, keeps = plays.breaks, plays.keeps

DECIDED = SUCCESS["time"]


# 6: ends are final


@breaks(6)
def end_that_is_taken_back(history: History) -> None:
    job = history.user_creates()
    history.operator_ends(job, "Failed")
    history.operator_says(job, phase="Running")


@breaks(6)
def end_at_another_time(history: History) -> None:
    job = history.user_creates()
    history.operator_ends(job, "Failed", completionTime="2026-01-31T12:00:00Z")
    history.operator_says(job, completionTime="2026-01-31T12:00:01Z")


@breaks(6)
def two_ends_at_once(history: History) -> None:
    conditions = [{"type": kind, "status": "True"} for kind in ("Finished", "Failed", "Succeeded")]
    history.operator_ends(history.user_creates(), "Failed", conditions=conditions)


@breaks(6)
def end_without_the_condition_that_is_waited_for(history: History) -> None:
    history.operator_ends(history.user_creates(), "Cancelled", conditions=[])


@breaks(6)
def deletion_of_a_job_that_has_not_ended(history: History) -> None:
    job, _ = history.running()
    uid = job["metadata"]["uid"]
    history.judge.wrote(Write("delete", "trainingjobs", HOME, "mnist", uid=uid, status=200))


@keeps
def counts_that_change_after_the_end(history: History) -> None:
    job = history.user_creates()
    history.operator_ends(job, "Failed", replicas={"worker": {"active": 1}})
    history.operator_says(job, replicas={"worker": {"active": 0}})


@breaks(6)
def outcome_that_changes(history: History) -> None:
    job, pod = history.uploading()
    history.operator_says(job, ending={"phase": "Failed", "reason": "Other"})
    history.sidecar_says(pod, "terminated")


@breaks(6)
def outcome_that_is_forgotten(history: History) -> None:
    job, _ = history.uploading()
    history.operator_says(job, phase="Running", ending=None)


@breaks(6)
def success_that_is_decided_and_ends_cancelled(history: History) -> None:
    job, pod = history.uploading()
    history.sidecar_says(pod, "terminated")
    history.operator_ends(job, "Cancelled")


@breaks(6)
def success_that_is_decided_and_fails_though_nothing_is_required(history: History) -> None:
    job, pod = history.uploading()
    history.sidecar_says(pod, "terminated")
    history.operator_ends(job, "Failed")


@keeps
def success_that_fails_for_want_of_required_artifacts(history: History) -> None:
    job, pod = history.uploading(outputs={"uri": "s3://b/x", "required": True})
    history.sidecar_says(pod, "terminated")
    history.operator_ends(job, "Failed")


@keeps
def outcome_that_stays_after_the_end(history: History) -> None:
    job, pod = history.uploading()
    history.sidecar_says(pod, "terminated")
    history.operator_ends(job, "Succeeded")
    history.operator_says(job, replicas={"worker": {"active": 0}})


# 7: success is seen


@breaks(7)
def outcome_of_a_program_that_runs(history: History) -> None:
    job, _ = history.running()
    history.operator_says(job, phase="Finalizing", ending=SUCCESS)


@breaks(7)
def end_before_the_sidecar_has_told_of_its_own(history: History) -> None:
    job, _ = history.uploading()
    history.operator_ends(job, "Succeeded", completionTime="2026-01-31T12:05:00Z", attemptStartTime=DECIDED)


@keeps
def end_when_the_time_of_the_sidecar_is_over(history: History) -> None:
    job, _ = history.uploading()
    history.operator_ends(job, "Succeeded", completionTime="2026-01-31T12:10:30Z", attemptStartTime=DECIDED)


@keeps
def end_whose_pod_is_gone_with_its_sidecar(history: History) -> None:
    job, pod = history.uploading()
    history.somebody_deletes(pod)
    history.operator_ends(job, "Succeeded", completionTime="2026-01-31T12:05:00Z", attemptStartTime=DECIDED)


@breaks(7)
def success_while_the_program_runs(history: History) -> None:
    job, _ = history.running()
    history.operator_ends(job, "Succeeded")


@breaks(7)
def success_of_a_program_that_failed(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Succeeded", 1)
    history.operator_ends(job, "Succeeded")


@breaks(7)
def success_of_worker_0_where_a_chief_decides(history: History) -> None:
    job, _, worker = history.running("chief-0", "worker-0", multiWorker={"workers": 1, "chief": True})
    history.kubelet_says(worker, "Succeeded", 0)
    history.operator_ends(job, "Succeeded")


@breaks(7)
def success_of_one_worker_where_all_are_asked(history: History) -> None:
    job, worker, _ = history.running("worker-0", "worker-1", multiWorker={}, successPolicy="AllWorkers")
    history.kubelet_says(worker, "Succeeded", 0)
    history.operator_ends(job, "Succeeded")


@breaks(7)
def success_of_the_attempt_before(history: History) -> None:
    job, first, other = history.running("worker-0", "worker-1", multiWorker={})
    history.kubelet_says(first, "Succeeded", 0)
    history.kubelet_says(other, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1)
    history.operator_ends(job, "Succeeded")


@breaks(7)
def success_from_before_a_suspension(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Succeeded", 0)
    history.operator_says(job, phase="Suspended")
    history.operator_ends(job, "Succeeded")


@keeps
def success_whose_pod_is_gone_already(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Succeeded", 0)
    history.somebody_deletes(pod)
    history.operator_ends(job, "Succeeded")


@keeps
def success_of_main_while_an_injected_container_runs_on(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Running", 0)
    history.operator_ends(job, "Succeeded")


# 9: what never falls


@breaks(9)
def restarts_that_are_forgotten(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1)
    history.operator_says(job, restarts=0, disruptions=1)


@breaks(9)
def observed_generation_that_falls(history: History) -> None:
    job, _ = history.running()
    history.operator_says(job, observedGeneration=0)


@keeps
def counters_that_are_written_for_the_first_time(history: History) -> None:
    history.operator_says(history.user_creates(), phase="Pending", attempt=0, restarts=0, observedGeneration=1)


# 11: nothing is inherited


@breaks(11)
def counters_of_another_job_of_the_name(history: History) -> None:
    history.operator_says(history.user_creates(), phase="Pending", attempt=1, restarts=1)


@breaks(11)
def failure_of_an_earlier_jobs_pod(history: History) -> None:
    old, pod = history.running()
    history.user_deletes(old)
    history.somebody_deletes(pod)
    failure = {"pod": "mnist-worker-0", "uid": pod["metadata"]["uid"]}
    history.operator_says(history.user_creates(), phase="Pending", failures=[failure])


@breaks(11)
def status_for_whoever_has_the_name(history: History) -> None:
    history.writes_status(history.user_creates(), {"status": {"phase": "Pending"}})


@keeps
def failure_of_its_own_pod(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    failure = {"pod": "mnist-worker-0", "uid": pod["metadata"]["uid"]}
    history.operator_says(job, attempt=1, restarts=1, failures=[failure])


# 12: other managers' jobs


@breaks(12)
def status_of_a_foreign_job(history: History) -> None:
    history.operator_says(history.user_creates(managedBy="example.com/other"), phase="Pending")


@breaks(12)
def pod_of_a_foreign_job(history: History) -> None:
    history.operator_creates(history.user_creates(managedBy="example.com/other"))


@keeps
def status_of_a_job_that_names_this_operator(history: History) -> None:
    history.operator_says(history.user_creates(managedBy="trainingjob.dev/trainingjob-operator"), phase="Pending")


@pytest.mark.parametrize(("number", "play"), plays.breaking, ids=lambda value: getattr(value, "__name__", str(value)))
def test_history_of_a_job_that_breaks_an_invariant_is_told_by_its_number(number: int, play: Play) -> None:
    history = History()
    play(history)
    assert history.broken() == [number], history.judge.violations


@pytest.mark.parametrize("play", plays.keeping, ids=lambda play: play.__name__)
def test_history_of_a_job_that_comes_near_breaks_nothing(play: Play) -> None:
    history = History()
    play(history)
    assert history.judge.violations == []
