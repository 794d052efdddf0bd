"""Rules that leave alone what a write does not change.

The operator writes the status of every job, also of one that was stored before a rule was added which it breaks. An
API server checks the rules of the whole object on such a write; only since Kubernetes 1.33 does it pass over those
that look at nothing that has changed. So every rule says it itself, wherever a server can tell what stood there.

The guard stands behind the rule: to compare a spec with itself costs a server far more than most rules do, and is
needed only for a job that breaks one.
"""

from typing import Any

Schema = dict[str, Any]


def with_guards(schema: Schema) -> Schema:
    """Return the schema with a guard behind each rule that does not itself compare with what was stored.

    The items of an atomic list have no past that a server knows; rules on them stay as they are.
    """
    result = dict(schema)
    if "properties" in schema:
        result["properties"] = {name: with_guards(child) for name, child in schema["properties"].items()}
    if "additionalProperties" in schema:
        result["additionalProperties"] = with_guards(schema["additionalProperties"])
    if schema.get("x-kubernetes-list-type") == "map":
        result["items"] = with_guards(schema["items"])
    if "x-kubernetes-validations" in schema:
        result["x-kubernetes-validations"] = [
            rule if "oldSelf" in rule["rule"] else guarded(rule, "oldSelf == optional.of(self)")
            for rule in schema["x-kubernetes-validations"]
        ]
    return result


def guarded(rule: Schema, unchanged: str) -> Schema:
    """Return an entry of `x-kubernetes-validations` that holds as well when nothing has changed, as CEL says it."""
    return {**rule, "rule": f"({rule['rule']}) || {unchanged}", "optionalOldSelf": True}
