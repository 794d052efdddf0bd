"""Rights on PodGroups: given where the chart's values ask for them, used, and missed with a clear word."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devtools.cluster import Cluster
from devtools.third_party import COSCHEDULING_POD_GROUPS, VOLCANO_POD_GROUPS
from tests.chart.fake_pods import end_pod, start_pod
from tests.chart.running import operator_of
from tests.support.gangs import install, pod_groups
from tests.support.helm import only, render
from tests.support.rbac import account_user, allowed, refused, used
from tests.support.user import User, wait_until

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

GROUPS = {"volcano": "scheduling.volcano.sh", "coscheduling": "scheduling.x-k8s.io"}
DEFINITIONS = {"volcano": VOLCANO_POD_GROUPS, "coscheduling": COSCHEDULING_POD_GROUPS}


def job(scheduler: str) -> dict[str, Any]:
    """Return the spec of a job with a PodGroup."""
    return {"image": "example", "command": ["train"], "gang": {"scheduler": scheduler}}


def test_rights_on_pod_groups_are_what_a_job_with_one_uses(
    control_plane: Cluster, release: str, user: User, tmp_path: Path
) -> None:
    rendered = render({"gangSchedulers": dict.fromkeys(GROUPS, True)}, namespace=release)
    account = account_user(release, only(rendered, "ServiceAccount")["metadata"]["name"])
    for definition in DEFINITIONS.values():
        install(user, definition)
    with operator_of(rendered, control_plane, tmp_path):
        for scheduler, definition in DEFINITIONS.items():
            user.apply_job(scheduler, **job(scheduler))
            user.wait_for_pods(scheduler, {f"{scheduler}-worker-0"})
            assert len(pod_groups(user, definition)) == 1
            start_pod(user, f"{scheduler}-worker-0")
            end_pod(user, f"{scheduler}-worker-0", 0)
            wait_until(partial(pod_groups, user, definition), lambda groups: not groups, 60)
            # An operator of another test, that has no such rights and sees every namespace, must not meet it.
            user.kubectl("delete", "tjob", scheduler)
    assert refused(control_plane.audit_log, account) == set()
    on_groups = {right for right in allowed(rendered) if right[0] in GROUPS.values()}
    assert {right for right in used(control_plane.audit_log, account) if right[0] in GROUPS.values()} == on_groups


def test_job_whose_pod_group_may_not_be_made_says_which_value_of_the_chart_is_missing(
    control_plane: Cluster, release: str, user: User, tmp_path: Path
) -> None:
    install(user, VOLCANO_POD_GROUPS)
    with operator_of(render(namespace=release), control_plane, tmp_path):
        user.apply_job("volcano", **job("volcano"))
        status = user.wait_for_reason("volcano", "GangSchedulerMissing")
        assert "gangSchedulers.volcano=true" in status["message"]
        user.change_job("volcano", cancel=True)
        user.wait_for_phase("volcano", "Cancelled")
        user.kubectl("delete", "tjob", "volcano")
