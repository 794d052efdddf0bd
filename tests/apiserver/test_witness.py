"""The witness of the tests against a real API server judges a write by what was known when it was sent."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from devtools.cluster import Cluster
from tests.support.api_proxy import ApiProxy
from tests.support.operating import IMAGE
from tests.support.user import User
from tests.support.witness import Witness
from trainingjob.api.job import read_job
from trainingjob.controller.connection import connect
from trainingjob.controller.kube import JOBS, PODS, SERVICES, KubeClient, Object
from trainingjob.plan import PlanOptions, plan_job

pytestmark = pytest.mark.apiserver

BEGUN = {"phase": "Running", "attempt": 0, "restarts": 0, "disruptions": 0}
BEGUN_ANEW = {**BEGUN, "phase": "Restarting", "attempt": 1, "disruptions": 1}


@pytest.fixture
def proxied(cluster: Cluster, user: User, tmp_path: Path) -> Iterator[tuple[Witness, Path]]:
    """Return a witness of the user's namespace, and the kubeconfig of clients whose writes it hears of."""
    with Witness(cluster.kubeconfig, user.namespace) as witness, ApiProxy(cluster.kubeconfig) as proxy:
        proxy.heard = witness.wrote
        yield witness, proxy.write_kubeconfig(tmp_path / "kubeconfig")


@pytest.mark.parametrize(("told", "broken"), [(True, []), (False, ["invariant 8"])])
def test_delete_of_a_pod_that_somebody_else_deletes_is_judged_by_what_was_known_when_it_was_sent(
    user: User, proxied: tuple[Witness, Path], told: bool, broken: list[str]
) -> None:
    witness, kubeconfig = proxied
    user.apply_job("mnist", image=IMAGE)
    job = user.job("mnist")
    plan = plan_job(read_job(job), PlanOptions())
    manifest = plan.render(plan.replicas[0], 0)
    # A pod that has no node waits for no kubelet: it is gone as soon as it is deleted.
    manifest["spec"]["nodeName"] = "away"

    async def act(client: KubeClient) -> None:
        await _say(client, job, BEGUN)
        await client.create(SERVICES, user.namespace, plan.service)
        pod = (await client.create(PODS, user.namespace, manifest))["metadata"]
        user.kubectl("delete", "pod", pod["name"], "--wait=false")
        if told:
            await _say(client, user.job("mnist"), BEGUN_ANEW)
        # The answer has the version of the deletion before.
        await client.delete(PODS, user.namespace, pod["name"], pod["uid"], 30)

    asyncio.run(_with_client(kubeconfig, act))
    assert [found.partition(":")[0] for found in witness.violations()] == broken


async def _with_client(kubeconfig: Path, act: Callable[[KubeClient], Awaitable[None]]) -> None:
    connection = await connect(str(kubeconfig))
    try:
        await act(KubeClient(connection, lambda *_: None, user_agent="operator"))
    finally:
        await connection.close()


async def _say(client: KubeClient, job: Object, status: Object) -> None:
    metadata = job["metadata"]
    meant = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    body = {"metadata": meant, "status": status}
    await client.patch(JOBS, metadata["namespace"], metadata["name"], body, subresource="status")
