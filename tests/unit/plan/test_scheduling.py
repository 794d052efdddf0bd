"""Where pods run, and how long they stay bound to a node that does not answer."""

from typing import Any

import pytest

from tests.support.pods import pod_of
from trainingjob.plan.scheduling import NODE_PATIENCE_SECONDS, NODE_TROUBLE


def patience(**spec: Any) -> dict[str, int]:
    """Return for how long a pod tolerates each trouble of its node, as the operator has set it."""
    tolerations = pod_of(**spec)["spec"]["tolerations"]
    return {item["key"]: item["tolerationSeconds"] for item in tolerations if "tolerationSeconds" in item}


def test_pod_gives_a_silent_node_up_soon() -> None:
    assert patience() == dict.fromkeys(NODE_TROUBLE, NODE_PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("toleration", "left"),
    [
        (
            {"key": NODE_TROUBLE[0], "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600},
            {NODE_TROUBLE[0]: 600},
        ),
        ({"key": NODE_TROUBLE[0], "operator": "Exists", "effect": "NoSchedule"}, {NODE_TROUBLE[0]: 20}),
        ({"key": "gpu", "operator": "Exists"}, {NODE_TROUBLE[0]: 20}),
    ],
    ids=str,
)
def test_patience_of_the_user_s_own_choice_is_kept(toleration: dict[str, Any], left: dict[str, int]) -> None:
    assert patience(tolerations=[toleration]) == {**dict.fromkeys(NODE_TROUBLE, NODE_PATIENCE_SECONDS), **left}


def test_pod_that_tolerates_everything_stays_bound_for_ever() -> None:
    assert patience(tolerations=[{"operator": "Exists"}]) == {}
