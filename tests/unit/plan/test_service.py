"""The headless Service through which the replicas of a job find one another."""

from typing import Any

from tests.support.builders import JOB_UID, make_job
from trainingjob.plan import Manifest, PlanOptions, plan_job


def service_of(**spec: Any) -> Manifest:
    return plan_job(make_job(**spec), PlanOptions()).service


def test_the_service_is_headless_and_gives_names_to_pods_that_are_not_ready() -> None:
    service = service_of(multiWorker={})
    assert service["metadata"]["name"] == "mnist"
    assert service["metadata"]["namespace"] == "team"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True


def test_the_service_selects_the_pods_of_this_very_job() -> None:
    plan = plan_job(make_job(multiWorker={}), PlanOptions())
    selector = plan.service["spec"]["selector"]
    assert selector == {"trainingjob.dev/job": "mnist", "trainingjob.dev/job-uid": JOB_UID}
    for replica in plan.replicas:
        assert selector.items() <= plan.render(replica, 0)["metadata"]["labels"].items()


def test_the_service_of_a_tensorflow_job_names_its_port() -> None:
    assert service_of(multiWorker={})["spec"]["ports"] == [{"name": "tensorflow", "port": 2222, "targetPort": 2222}]


def test_the_service_of_a_single_pod_has_no_port_that_nobody_serves() -> None:
    assert "ports" not in service_of()["spec"]


def test_the_service_belongs_to_the_job() -> None:
    (owner,) = service_of()["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (JOB_UID, True)
