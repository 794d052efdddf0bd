"""The judge on children: histories that break an invariant, and histories that come near and do not."""

import pytest

from tests.unit.testing.history import HOME, History, Play, Plays
from trainingjob.controller.kube import CONFIG_MAPS, DEPLOYMENTS, PODS, SECRETS, SERVICES
from trainingjob.testing import Judge, Write

plays = Plays()
breaks, keeps = plays.breaks, plays.keeps


# 1: one live pod for a replica


@breaks(1)
def second_pod_under_another_name(history: History) -> None:
    job, _ = history.running()
    history.operator_creates(job, name="mnist-worker-0-again")


@keeps
def second_pod_after_the_first_has_ended(history: History) -> None:
    job, pod = history.running()
    history.kubelet_says(pod, "Failed", 1)
    history.operator_says(job, attempt=1, restarts=1)
    history.operator_creates(job, name="mnist-worker-0-again", attempt=1)


# 2: children and their owners


@breaks(2)
def pod_without_a_controller(history: History) -> None:
    history.operator_creates(history.user_creates(), owner={"controller": False})


@breaks(2)
def pod_whose_labels_name_another_job(history: History) -> None:
    job, other = history.user_creates(), history.user_creates("other")
    history.operator_creates(job, labels={"trainingjob.dev/job-uid": other["metadata"]["uid"]})


@breaks(2)
def delete_of_a_pod_that_nobody_owns(history: History) -> None:
    body = {"metadata": {"name": "mine", "labels": {"trainingjob.dev/job": "mnist"}}, "spec": {}}
    history.operator_deletes(history.somebody_creates(PODS, body))


@breaks(2)
def change_of_a_child(history: History) -> None:
    job = history.user_creates()
    history.creates(SERVICES, history.child(job, "mnist"))
    history.judge.wrote(Write("patch", "services", HOME, "mnist", body={"metadata": {"labels": {}}}, status=200))


@breaks(2)
def delete_for_another_job_than_the_pods_own(history: History) -> None:
    job, pod = history.running()
    history.operator_ends(job, "Cancelled")
    uid = pod["metadata"]["uid"]
    history.judge.wrote(Write("delete", "pods", HOME, "mnist-worker-0", uid=uid, status=200, job="another"))


@keeps
def pod_of_somebody_else_with_the_label_of_a_job(history: History) -> None:
    history.user_creates()
    history.somebody_creates(PODS, {"metadata": {"name": "m", "labels": {"trainingjob.dev/job": "mnist"}}, "spec": {}})


# 3: deletes say whom they mean


@breaks(2)
def stop_for_another_job_than_the_pods_own(history: History) -> None:
    _, pod = history.uploading()
    body = {"metadata": {"uid": pod["metadata"]["uid"]}, "spec": {"activeDeadlineSeconds": 1}}
    history.judge.wrote(Write("patch", "pods", HOME, "mnist-worker-0", body=body, status=200, job="another"))


@breaks(2)
def change_of_a_pod_that_does_more_than_stop_it(history: History) -> None:
    _, pod = history.uploading()
    body = {"metadata": {"uid": pod["metadata"]["uid"]}, "spec": {"activeDeadlineSeconds": 1, "tolerations": []}}
    history.judge.wrote(Write("patch", "pods", HOME, "mnist-worker-0", body=body, status=200))


@keeps
def stop_of_a_pod_of_a_job_whose_outcome_is_decided(history: History) -> None:
    _, pod = history.uploading()
    history.operator_stops(pod)


@breaks(3)
def stop_without_a_uid(history: History) -> None:
    _, pod = history.uploading()
    history.operator_stops(pod, uid="")


@breaks(8)
def stop_of_a_pod_of_a_job_whose_outcome_is_open(history: History) -> None:
    _, pod = history.running()
    history.operator_stops(pod)


@breaks(3)
def delete_without_a_uid(history: History) -> None:
    job, pod = history.running()
    history.operator_ends(job, "Cancelled")
    history.operator_deletes(pod, uid="")


@breaks(3)
def delete_without_a_uid_that_was_refused(history: History) -> None:
    history.judge.wrote(Write("delete", "pods", HOME, "mnist-worker-0", status=404))


@keeps
def delete_with_a_uid(history: History) -> None:
    job, pod = history.running()
    history.operator_ends(job, "Cancelled")
    history.operator_deletes(pod)


# 4: what pods need comes before them


@breaks(4)
def pod_before_its_service(history: History) -> None:
    history.operator_creates(history.user_creates(), spec={"subdomain": "mnist"})


@breaks(4)
def pod_before_the_secret_of_its_attempt(history: History) -> None:
    job = history.user_creates()
    name = f"mnist-{job['metadata']['uid'][:8]}-a1"
    history.operator_creates(job, spec={"volumes": [{"secret": {"secretName": name}}]})


@breaks(4)
def pod_before_the_config_map_in_its_environment(history: History) -> None:
    job = history.user_creates()
    source = {"configMapKeyRef": {"name": f"mnist-{job['metadata']['uid'][:8]}-cluster"}}
    history.operator_creates(job, spec={"containers": [{"name": "main", "env": [{"valueFrom": source}]}]})


@breaks(4)
def service_of_an_earlier_job_of_the_name(history: History) -> None:
    old = history.user_creates()
    history.creates(SERVICES, history.child(old, "mnist"))
    history.user_deletes(old)
    history.operator_creates(history.user_creates(), spec={"subdomain": "mnist"})


@breaks(4)
def running_at_rest_without_its_service(history: History) -> None:
    history.running()
    history.rests()


@keeps
def pod_after_all_that_it_needs(history: History) -> None:
    job = history.user_creates()
    own = f"mnist-{job['metadata']['uid'][:8]}"
    history.creates(SERVICES, history.child(job, "mnist"))
    history.creates(SECRETS, history.child(job, f"{own}-a0"))
    history.creates(CONFIG_MAPS, history.child(job, f"{own}-mpi"))
    volumes = [{"secret": {"secretName": f"{own}-a0"}}, {"configMap": {"name": f"{own}-mpi"}}]
    history.operator_creates(job, spec={"subdomain": "mnist", "volumes": volumes})


@keeps
def pod_before_a_secret_that_is_its_users_affair(history: History) -> None:
    history.operator_creates(history.user_creates(), spec={"volumes": [{"secret": {"secretName": "data"}}]})


# 5: no pods where none are wanted


@breaks(5)
def pod_after_the_end(history: History) -> None:
    job = history.user_creates()
    history.operator_ends(job, "Failed")
    history.operator_creates(job)


@breaks(5)
def pod_after_the_outcome_is_decided(history: History) -> None:
    job, pod = history.uploading()
    history.somebody_deletes(pod)
    history.operator_creates(job)


@breaks(5)
def tensorboard_before_the_status_speaks_of_it(history: History) -> None:
    history.creates(DEPLOYMENTS, history.child(history.user_creates(), "mnist-tensorboard"))


@breaks(5)
def service_of_a_tensorboard_after_the_outcome_is_decided(history: History) -> None:
    job, _ = history.uploading()
    history.operator_says(job, tensorboard={"url": "http://mnist-tensorboard.team.svc:6006/"})
    history.creates(SERVICES, history.child(job, "mnist-tensorboard"))


@keeps
def tensorboard_of_which_the_status_speaks(history: History) -> None:
    job = history.user_creates()
    history.operator_says(job, phase="Pending", tensorboard={"url": "http://mnist-tensorboard.team.svc:6006/"})
    for resource in (DEPLOYMENTS, SERVICES):
        history.creates(resource, history.child(job, "mnist-tensorboard"))


@breaks(5)
def pod_while_suspended(history: History) -> None:
    job = history.user_creates(suspend=True)
    history.operator_says(job, phase="Suspended")
    history.operator_creates(job)


@breaks(5)
def pod_sent_although_the_suspension_was_known(history: History) -> None:
    job = history.user_changes(history.user_creates(), suspend=True)
    history.operator_creates(job, basis=int(job["metadata"]["resourceVersion"]))


@keeps
def pod_sent_before_the_suspension_was_known(history: History) -> None:
    job = history.user_creates()
    history.user_changes(job, suspend=True)
    history.operator_creates(job, basis=int(job["metadata"]["resourceVersion"]))


@keeps
def pod_after_the_resumption(history: History) -> None:
    job = history.user_creates(suspend=True)
    history.operator_says(job, phase="Suspended")
    history.user_changes(job, suspend=False)
    history.operator_says(job, phase="Pending")
    history.operator_creates(job)


@pytest.mark.parametrize(("number", "play"), plays.breaking, ids=lambda value: getattr(value, "__name__", str(value)))
def test_history_that_breaks_an_invariant_is_told_by_its_number(number: int, play: Play) -> None:
    history = History()
    play(history)
    assert history.broken() == [number], history.judge.violations


@pytest.mark.parametrize("play", plays.keeping, ids=lambda play: play.__name__)
def test_history_that_comes_near_breaks_nothing(play: Play) -> None:
    history = History()
    play(history)
    assert history.judge.violations == []


def test_write_is_held_back_until_the_changes_before_its_answer_are_known() -> None:
    history = History()
    job, pod = history.running()
    history.operator_ends(job, "Cancelled")
    history.operator_deletes(pod)
    judge = Judge()
    uid, last = pod["metadata"]["uid"], history.server.changes[-1].version
    judge.wrote(Write("delete", "pods", HOME, "mnist-worker-0", uid=uid, grace_seconds=30, status=200, at=last))
    for change in history.server.changes:
        judge.take(change)
    assert judge.violations == []
