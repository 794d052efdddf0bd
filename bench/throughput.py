"""How fast the operator creates pods, beside what the API server takes from the same driver without an operator.

    scripts/cluster up --name bench --nodes 0
    PYTHONPATH=operator:scripts:. "$(scripts/venv)/bin/python" bench/throughput.py --cluster bench --jobs 50

The cluster needs no nodes: what is measured ends when the pods are stored. Both ways use the same client, the same
number of requests in flight and the same objects: one Service and three pods for each job.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from devtools.cluster import Cluster
from devtools.paths import REPOSITORY
from tests.support.operator_process import operator
from tests.support.user import User
from trainingjob.api.constants import API_VERSION, KIND
from trainingjob.api.job import read_job
from trainingjob.controller.connection import connect
from trainingjob.controller.kube import JOBS, PODS, SERVICES, KubeClient, Object, Resource
from trainingjob.plan import PlanOptions, plan_job

NAMESPACES = Resource("api/v1", "namespaces")
ACCOUNTS = Resource("api/v1", "serviceaccounts")
SPEC = {
    "image": "registry.example.com/mnist:1.0",
    "command": ["python", "/app/train.py"],
    "parameterServer": {"workers": 2, "servers": 1},
}
PODS_PER_JOB = 3
CONCURRENCY = 32
PATIENCE_SECONDS = 900


@dataclass(frozen=True)
class Figures:
    """Seconds from the first request to the last stored pod, in two ways."""

    jobs: int
    operator: float
    alone: float

    @property
    def share(self) -> float:
        """Return the operator's pods per second as a share of the API server's own."""
        return self.alone / self.operator

    def text(self) -> str:
        """Return the figures as lines for people."""
        pods = self.jobs * PODS_PER_JOB
        return "\n".join(
            [
                f"{self.jobs} jobs of {PODS_PER_JOB} pods submitted at once:",
                f"  operator          {self.operator:6.2f} s  {pods / self.operator:6.0f} pods/s",
                f"  API server alone  {self.alone:6.2f} s  {pods / self.alone:6.0f} pods/s",
                f"  share             {self.share:6.2f}",
            ]
        )


class Driver:
    """Creates things as fast as the API server takes them."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self.namespace = namespace
        self._client = client
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def submit_jobs(self, names: Iterable[str]) -> list[Object]:
        """Create TrainingJobs, all at once, and return them as they are stored."""
        return await asyncio.gather(*(self._create(JOBS, _job(name)) for name in names))

    async def create_children(self, jobs: Iterable[Object]) -> None:
        """Create the Services and pods that an operator would create for these jobs."""
        await asyncio.gather(*(self._create_children(job) for job in jobs))

    async def wait_for_pods(self, count: int) -> None:
        """Wait until so many pods are stored; a watch tells of them, for it costs the API server less than asking."""
        version = (await self._client.list(PODS, self.namespace))["metadata"]["resourceVersion"]
        watch = self._client.watch(
            PODS, self.namespace, selector="", version=version, seconds=PATIENCE_SECONDS, silence=PATIENCE_SECONDS
        )
        async with aclosing(watch) as events:
            async for event in events:
                count -= event["type"] == "ADDED"
                if not count:
                    return
        raise TimeoutError(f"{count} pods are missing after {PATIENCE_SECONDS} s")

    async def _create_children(self, body: Object) -> None:
        plan = plan_job(read_job(body), PlanOptions())
        await self._create(SERVICES, plan.service)
        await asyncio.gather(*(self._create(PODS, plan.render(replica, 0)) for replica in plan.replicas))

    async def _create(self, resource: Resource, body: Object) -> Object:
        async with self._slots:
            return await self._client.create(resource, self.namespace, body)


def _job(name: str) -> Object:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": SPEC}


@asynccontextmanager
async def driver(kubeconfig: Path) -> AsyncIterator[Driver]:
    """Return a driver with a fresh namespace, which is gone afterwards."""
    connection = await connect(str(kubeconfig))
    client = KubeClient(connection, lambda *_: None, user_agent="bench")
    namespace = f"bench-{uuid4().hex[:8]}"
    stored = await client.create(NAMESPACES, "", {"metadata": {"name": namespace}})
    try:
        while not (await client.list(ACCOUNTS, namespace))["items"]:
            await asyncio.sleep(0.05)
        yield Driver(client, namespace)
    finally:
        await client.delete(NAMESPACES, "", namespace, stored["metadata"]["uid"], 0)
        await connection.close()


async def measure_alone(kubeconfig: Path, jobs: int) -> float:
    """Return the seconds in which the API server stores Services and pods of so many jobs."""
    async with driver(kubeconfig) as by_hand:
        # They must exist, or the garbage collector would take the pods away.
        stored = await by_hand.submit_jobs(_names(jobs))
        begun = time.perf_counter()
        await by_hand.create_children(stored)
        return time.perf_counter() - begun


async def measure_operator(kubeconfig: Path, jobs: int, flags: tuple[str, ...]) -> float:
    """Return the seconds from the first job's submission until an operator has created the last pod of all."""
    async with driver(kubeconfig) as user:
        with (
            tempfile.TemporaryDirectory() as folder,
            operator(kubeconfig, Path(folder), user.namespace, *flags) as process,
        ):
            await asyncio.to_thread(process.wait_until_ready)
            waiting = asyncio.create_task(user.wait_for_pods(jobs * PODS_PER_JOB))
            begun = time.perf_counter()
            await user.submit_jobs(_names(jobs))
            await waiting
            return time.perf_counter() - begun


async def measure(kubeconfig: Path, jobs: int, flags: tuple[str, ...] = ()) -> Figures:
    """Measure both ways, one after the other.

    Args:
        kubeconfig: an administrator's.
        jobs: how many are submitted at once.
        flags: further flags of the operator.
    """
    by_operator = await measure_operator(kubeconfig, jobs, flags)
    return Figures(jobs, by_operator, await measure_alone(kubeconfig, jobs))


def _names(jobs: int) -> list[str]:
    return [f"job-{number}" for number in range(jobs)]


def main() -> None:
    """Measure on a cluster of the cluster tool and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cluster", required=True, help="name of a running cluster of scripts/cluster")
    parser.add_argument("--jobs", type=int, nargs="+", default=[50], help="how many jobs, for one measurement each")
    chosen, flags = parser.parse_known_args()
    cluster = Cluster.load(chosen.cluster)
    User(cluster.full_environment(), "default").define(str(REPOSITORY / "crds"))
    for jobs in chosen.jobs:
        print(asyncio.run(measure(cluster.kubeconfig, jobs, tuple(flags))).text(), flush=True)


if __name__ == "__main__":
    main()
