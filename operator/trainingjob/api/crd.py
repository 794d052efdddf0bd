"""The CustomResourceDefinition, generated from the models and their rules."""

from typing import Any

from trainingjob.api.changes import cancel_validation, change_validations
from trainingjob.api.constants import GROUP, KIND, PLURAL, VERSION
from trainingjob.api.guards import with_guards
from trainingjob.api.names import name_validations
from trainingjob.api.rules import validations
from trainingjob.api.schema import Schema, structural_schema
from trainingjob.api.spec import TrainingJobSpec
from trainingjob.api.status import ConditionType, TrainingJobStatus

UNREAD_STATUS = {"observedGeneration": -1}
"""The status of a job that no operator has seen; tools take it for one that is still being worked on."""

_ARTIFACTS = f'.status.conditions[?(@.type=="{ConditionType.ARTIFACTS_COMPLETE}")].reason'
"""One word for all replicas; an address would be longer than a line and tell of one of them alone."""


def custom_resource_definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition of TrainingJob."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["tjob"],
                "categories": ["training"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": resource_schema()},
                }
            ],
        },
    }


def resource_schema() -> Schema:
    """Return the structural schema of the whole resource."""
    text = {"type": "string", "maxLength": 253}
    status = structural_schema(TrainingJobStatus, {})
    return {
        "description": "A training program, run on one pod or many until it has succeeded or failed.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "description": "The version of this schema that the object is written in: trainingjob.dev/v1.",
                "type": "string",
            },
            "kind": {"description": f"The kind of the object: {KIND}.", "type": "string"},
            # The bounds are those that the API server has for every name; with them it can bound the rules' cost.
            "metadata": {"type": "object", "properties": {"name": text, "generateName": text}},
            "spec": _spec_schema(),
            "status": {**status, "default": UNREAD_STATUS},
        },
        "x-kubernetes-validations": [*name_validations(), *change_validations()],
    }


def _spec_schema() -> Schema:
    schema = with_guards(structural_schema(TrainingJobSpec, validations()))
    schema["x-kubernetes-validations"].append(cancel_validation())
    return schema


def _columns() -> list[dict[str, Any]]:
    return [
        _column("Phase", ".status.phase", "Where the job stands."),
        _column("Reason", ".status.reason", "Why it stands there."),
        _column("Ready", ".status.ready", "Replicas that are ready or have succeeded, of all."),
        _column("Restarts", ".status.restarts", "How often the job was started anew.", type="integer"),
        _column("Age", ".metadata.creationTimestamp", "The time since the job was created.", type="date"),
        _column("Queue", ".spec.gang.queue", "The queue of its gang.", priority=1),
        _column("Started", ".status.startTime", "The time since every replica ran.", type="date", priority=1),
        _column("Finished", ".status.completionTime", "The time since the job ended.", type="date", priority=1),
        _column("Artifacts", _ARTIFACTS, "What became of the artifacts: Uploaded, or why they lack.", priority=1),
    ]


def _column(name: str, path: str, description: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "string", "description": description, "jsonPath": path, **more}
