"""A hash of what a job asks for, by which a pod says what it was made from."""

import hashlib
import json

from trainingjob.api.job_rules import MUTABLE
from trainingjob.api.spec import TrainingJobSpec


def spec_hash(spec: TrainingJobSpec) -> str:
    """Return 64 hexadecimal digits that depend on everything in the spec that never changes.

    Only what differs from the defaults is hashed: whether the API server has stored a default or not makes no
    difference, and neither does a field that a later version of the operator adds. So an upgrade changes no hash.
    """
    content = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    made_of = {name: value for name, value in content.items() if name not in MUTABLE}
    if spec.torch and spec.torch.elastic:
        # Their number may change, and no pod is made of it.
        made_of["torch"] = {name: value for name, value in content["torch"].items() if name != "nodes"}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
