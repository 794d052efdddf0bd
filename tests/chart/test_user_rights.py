"""What the roles of the chart let people do, and what they let the operator do that no request of its own shows."""

import json

import pytest

from devtools.cluster import Cluster
from tests.chart.running import apply
from tests.support.helm import Manifest, only, render
from tests.support.rbac import account_user
from tests.support.user import Object, RefusedError, User, wait_until

pytestmark = [pytest.mark.chart, pytest.mark.apiserver]

JOBS = "trainingjobs.trainingjob.dev"


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("view", {"get", "list", "watch"}, {"create", "update", "patch", "delete"}),
        ("edit", {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}, set()),
        ("admin", {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}, set()),
    ],
)
def test_people_may_do_with_jobs_what_their_role_says(
    role: str, may: set[str], may_not: set[str], control_plane: Cluster, release: str, user: User
) -> None:
    apply(control_plane, _roles(render(namespace=release)))
    user.kubectl("create", "rolebinding", "jane", f"--clusterrole={role}", "--user=jane")
    wait_until(lambda: {verb for verb in may if _can(user, "jane", verb, JOBS)}, lambda found: found == may, 30)
    assert not {verb for verb in may_not if _can(user, "jane", verb, JOBS)}
    assert not _can(user, "jane", "patch", JOBS, "--subresource=status")


def test_children_need_the_right_to_the_finalizers_of_their_job(
    control_plane: Cluster, release: str, user: User
) -> None:
    """Without it an admission plugin, where it runs, refuses children that block the deletion of their job."""
    rendered = render(namespace=release)
    operator = account_user(release, only(rendered, "ServiceAccount")["metadata"]["name"])
    user.apply_job("mnist", image="example", command=["train"])
    job = user.job("mnist")

    apply(control_plane, _roles(rendered))
    wait_until(lambda: _can(user, operator, "update", JOBS, "--subresource=finalizers"), bool, 30)
    user.kubectl("create", "--as", operator, "--filename=-", stdin=_child("with", job))

    apply(control_plane, _roles(_without_finalizers(rendered)))
    wait_until(lambda: _can(user, operator, "update", JOBS, "--subresource=finalizers"), lambda may: not may, 30)
    with pytest.raises(RefusedError, match="blockOwnerDeletion"):
        user.kubectl("create", "--as", operator, "--filename=-", stdin=_child("without", job))


def _roles(rendered: list[Manifest]) -> list[Manifest]:
    return [found for found in rendered if found["kind"].startswith(("ClusterRole", "Role", "ServiceAccount"))]


def _without_finalizers(rendered: list[Manifest]) -> list[Manifest]:
    poorer: list[Manifest] = json.loads(json.dumps(rendered))
    for found in poorer:
        if "rules" in found:
            found["rules"] = [rule for rule in found["rules"] if rule["resources"] != ["trainingjobs/finalizers"]]
    return poorer


def _can(user: User, who: str, verb: str, resource: str, *flags: str) -> bool:
    try:
        return user.kubectl("auth", "can-i", verb, resource, "--as", who, *flags).strip() == "yes"
    except RefusedError:  # kubectl says no with an exit status
        return False


def _child(name: str, job: Object) -> str:
    owner = {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {"name": name, "ownerReferences": [owner]}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
