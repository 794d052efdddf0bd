"""What a framework stands for is decided once and kept in the status, whatever becomes of the catalogue."""

from dataclasses import replace

from tests.support.builders import CREATED, make_job
from trainingjob.api.framework import CatalogueEntry
from trainingjob.api.job import TrainingJob
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Children, Create, Decision, reconcile


def decide(job: TrainingJob, **images: str) -> Decision:
    """Return what is decided for a job without children by an operator with this catalogue of PyTorch."""
    versions = {version: {"cpu": image} for version, image in images.items()}
    entry = CatalogueEntry.model_validate({"default": max(images, default="v0"), "versions": versions})
    catalogue = {"pytorch": entry} if images else {}
    return reconcile(job, Children(), CREATED, PlanOptions(frameworks=catalogue))


def images_of(decision: Decision) -> set[str]:
    """Return the images of the pods that are to be created."""
    creates = [action for action in decision.actions if isinstance(action, Create)]
    return {
        container["image"]
        for action in creates
        if action.manifest["kind"] == "Pod"
        for container in action.manifest["spec"]["containers"]
    }


def test_the_images_of_a_framework_stand_in_the_status_from_the_first_and_stay() -> None:
    job = make_job(image=None, framework={"name": "pytorch"})
    first = decide(job, v1="torch:1")
    assert first.status is not None
    assert first.status.framework is not None
    assert first.status.framework.manifest() == {"name": "pytorch", "version": "v1", "images": {"cpu": "torch:1"}}
    assert images_of(first) == {"torch:1"}
    for later in (decide(replace(job, status=first.status), v2="torch:2"), decide(replace(job, status=first.status))):
        assert later.status is None or later.status.framework == first.status.framework
        assert images_of(later) == {"torch:1"}


def test_a_framework_that_the_catalogue_does_not_have_holds_the_job_back_with_what_it_has() -> None:
    status = decide(make_job(image=None, framework={"name": "jax"}), v1="torch:1").status
    assert status is not None
    assert (status.phase, status.reason) == ("Pending", "UnknownFramework")
    assert "it has pytorch" in (status.message or "")


def test_a_job_with_an_image_of_its_own_has_no_framework_in_its_status() -> None:
    status = decide(make_job(), v1="torch:1").status
    assert status is not None
    assert status.framework is None
