"""Images by the name and version of a framework: which one a role gets, and that it stays."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pods import main_container
from tests.support.strategy_jobs import TRAIN, mpi
from trainingjob.api.framework import CatalogueEntry
from trainingjob.plan import Plan, PlanOptions, PlanRefusedError, plan_job

CATALOGUE = {
    "tensorflow": CatalogueEntry.model_validate(
        {
            "default": "2.18",
            "versions": {
                "2.17": {"cpu": "tf:2.17", "gpu": "tf:2.17-gpu"},
                "2.18": {"cpu": "tf:2.18", "gpu": "tf:2.18-gpu"},
                "2.19": {"gpu": "tf:2.19-gpu"},
            },
        }
    ),
    "scikit-learn": CatalogueEntry.model_validate({"default": "1.6", "versions": {"1.6": {"cpu": "sk:1.6"}}}),
}


def planned(framework: dict[str, Any], status: dict[str, Any] | None = None, **spec: Any) -> Plan:
    """Return the plan of a job with a framework, by an operator with this catalogue."""
    job = make_job(spec={"image": None, "framework": framework, **spec}, status=status)
    return plan_job(job, PlanOptions(frameworks=CATALOGUE))


def images(plan: Plan) -> dict[str, str]:
    """Return the image of each role."""
    return {replica.role.value: main_container(plan.render(replica, 0))["image"] for replica in reversed(plan.replicas)}


@pytest.mark.parametrize(
    ("framework", "spec", "image"),
    [
        ({"name": "tensorflow"}, {}, "tf:2.18"),
        ({"name": "tensorflow"}, {"gpusPerWorker": 1}, "tf:2.18-gpu"),
        ({"name": "tensorflow", "version": "2.17"}, {}, "tf:2.17"),
        ({"name": "tensorflow", "version": "2.19"}, {"gpusPerWorker": 4}, "tf:2.19-gpu"),
        ({"name": "tensorflow"}, {"gpusPerWorker": 1, "accelerator": "nvidia.com/mig-1g.10gb"}, "tf:2.18-gpu"),
        ({"name": "scikit-learn"}, {}, "sk:1.6"),
    ],
)
def test_a_framework_stands_for_the_image_of_its_version_and_of_what_it_runs_on(
    framework: dict[str, Any], spec: dict[str, Any], image: str
) -> None:
    assert images(planned(framework, **spec)) == {"worker": image}


def test_a_parameter_server_gets_the_image_without_gpus_where_there_is_one() -> None:
    spec: dict[str, Any] = {"parameterServer": {"chief": True, "evaluator": True}, "gpusPerWorker": 1}
    with_gpus = dict.fromkeys(["chief", "worker", "evaluator"], "tf:2.18-gpu")
    assert images(planned({"name": "tensorflow"}, **spec)) == {**with_gpus, "ps": "tf:2.18"}
    assert images(planned({"name": "tensorflow", "version": "2.19"}, **spec))["ps"] == "tf:2.19-gpu"


def test_a_launcher_gets_the_image_of_its_workers_whose_mpi_must_be_the_same() -> None:
    assert images(planned({"name": "tensorflow"}, gpusPerWorker=1, **mpi())) == {
        "launcher": "tf:2.18-gpu",
        "worker": "tf:2.18-gpu",
    }


def test_a_role_can_have_an_image_of_its_own() -> None:
    plan = planned({"name": "tensorflow"}, multiWorker={"chief": True}, overrides={"chief": {"image": "own"}})
    assert images(plan) == {"chief": "own", "worker": "tf:2.18"}


def test_packages_are_installed_in_the_image_of_the_framework() -> None:
    plan = planned({"name": "tensorflow"}, command=TRAIN, environment={"pip": ["pandas"]})
    install = plan.render(plan.primary, 0)["spec"]["initContainers"][1]
    assert (install["name"], install["image"]) == ("install-packages", "tf:2.18")


def test_what_the_framework_stands_for_is_told_with_the_version_that_was_taken() -> None:
    framework = planned({"name": "tensorflow"}).framework
    assert framework is not None
    assert framework.manifest() == {
        "name": "tensorflow",
        "version": "2.18",
        "images": {"cpu": "tf:2.18", "gpu": "tf:2.18-gpu"},
    }
    assert plan_job(make_job(), PlanOptions(frameworks=CATALOGUE)).framework is None


@pytest.mark.parametrize("name", ["tensorflow", "gone"])
def test_a_job_keeps_its_images_when_the_catalogue_changes(name: str) -> None:
    decided = {"name": name, "version": "2.10", "images": {"cpu": "tf:2.10"}}
    plan = planned({"name": name}, status={"framework": decided})
    assert images(plan) == {"worker": "tf:2.10"}
    assert plan.framework is not None
    assert plan.framework.manifest() == decided


@pytest.mark.parametrize(
    ("framework", "spec", "told"),
    [
        (
            {"name": "jax"},
            {},
            "spec.framework.name: jax is not in the operator's catalogue; it has scikit-learn, tensorflow. Or give an "
            "image.",
        ),
        (
            {"name": "tensorflow", "version": "1.15"},
            {},
            "spec.framework.version: tensorflow 1.15 is not in the operator's catalogue; its versions are 2.17, 2.18, "
            "2.19 (default: 2.18). Or give an image.",
        ),
        (
            {"name": "tensorflow", "version": "2.19"},
            {},
            "spec.framework: tensorflow 2.19 has no image for cpu in the operator's catalogue; it has one for gpu. "
            "Choose another version, or give an image.",
        ),
        (
            {"name": "scikit-learn"},
            {"gpusPerWorker": 1},
            "spec.framework: scikit-learn 1.6 has no image for gpu in the operator's catalogue; it has one for cpu. "
            "Choose another version, or give an image.",
        ),
        (
            {"name": "tensorflow"},
            {"gpusPerWorker": 1, "accelerator": "amd.com/gpu"},
            "spec.framework: the catalogue's images for gpu are made for NVIDIA's, and spec.accelerator is "
            "amd.com/gpu; give an image.",
        ),
    ],
)
def test_what_the_catalogue_does_not_have_is_refused_with_what_it_has(
    framework: dict[str, Any], spec: dict[str, Any], told: str
) -> None:
    with pytest.raises(PlanRefusedError) as caught:
        planned(framework, **spec)
    assert caught.value.reason == "UnknownFramework"
    assert str(caught.value) == told


def test_without_a_catalogue_every_framework_is_refused() -> None:
    with pytest.raises(PlanRefusedError, match="catalogue; it is empty"):
        plan_job(make_job(image=None, framework={"name": "pytorch"}), PlanOptions())
