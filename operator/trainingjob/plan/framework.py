"""Which images a framework stands for: looked up once, and remembered in the status."""

from trainingjob.api.framework import CPU, GPU, Catalogue, CatalogueEntry, Framework
from trainingjob.api.spec import Role, TrainingJobSpec
from trainingjob.api.status import FrameworkStatus
from trainingjob.plan.model import PlanRefusedError

_NVIDIA = "nvidia.com/"


def decide_framework(
    spec: TrainingJobSpec, decided: FrameworkStatus | None, catalogue: Catalogue
) -> FrameworkStatus | None:
    """Return the images of a job's framework; None for a job with an image of its own.

    Args:
        spec: what the job asks for.
        decided: what the status remembers; the catalogue may have changed since.
        catalogue: the operator's.

    Raises:
        PlanRefusedError: UnknownFramework, for what the catalogue does not have.
    """
    framework = spec.framework
    if framework is None:
        return None
    if decided is not None and _variant(spec) in decided.images:
        return decided
    entry = catalogue.get(framework.name)
    if entry is None:
        raise PlanRefusedError("UnknownFramework", _unknown_name(framework, catalogue))
    version = framework.version or entry.default
    if version not in entry.versions:
        raise PlanRefusedError("UnknownFramework", _unknown_version(framework, version, entry))
    images = entry.versions[version].images()
    _check_variant(spec, framework, version, images)
    return FrameworkStatus(name=framework.name, version=version, images=images)


def framework_image(spec: TrainingJobSpec, decided: FrameworkStatus | None, role: Role) -> str | None:
    """Return the image of a role; None for a job with an image of its own.

    A launcher has the image of its workers, whose MPI must be the same; a parameter server needs no GPU.
    """
    if decided is None:
        return None
    computes = decided.images[_variant(spec)]
    return decided.images.get(CPU, computes) if role is Role.PS else computes


def _variant(spec: TrainingJobSpec) -> str:
    return GPU if spec.gpus_per_worker else CPU


def _check_variant(spec: TrainingJobSpec, framework: Framework, version: str, images: dict[str, str]) -> None:
    wanted = _variant(spec)
    if wanted not in images:
        others = f"it has one for {' and '.join(images)}" if images else "it has none at all"
        raise PlanRefusedError(
            "UnknownFramework",
            f"spec.framework: {framework.name} {version} has no image for {wanted} in the operator's catalogue; "
            f"{others}. Choose another version, or give an image.",
        )
    if wanted == GPU and not spec.accelerator.startswith(_NVIDIA):
        raise PlanRefusedError(
            "UnknownFramework",
            f"spec.framework: the catalogue's images for gpu are made for NVIDIA's, and spec.accelerator is "
            f"{spec.accelerator}; give an image.",
        )


def _unknown_name(framework: Framework, catalogue: Catalogue) -> str:
    known = f"it has {', '.join(sorted(catalogue))}" if catalogue else "it is empty"
    return f"spec.framework.name: {framework.name} is not in the operator's catalogue; {known}. Or give an image."


def _unknown_version(framework: Framework, version: str, entry: CatalogueEntry) -> str:
    known = ", ".join(sorted(entry.versions)) or "none"
    return (
        f"spec.framework.version: {framework.name} {version} is not in the operator's catalogue; its versions are "
        f"{known} (default: {entry.default}). Or give an image."
    )
