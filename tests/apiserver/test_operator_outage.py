"""An API server that goes away, and one whose schema once was another: on a control plane of their own."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.cluster import Cluster, ClusterError, down, up
from tests.apiserver.conftest import CRD, KUBERNETES, person_of
from tests.support.fake_kubelet import Run
from tests.support.operating import IMAGE, PARAMETER_SERVER, by_name, operated
from tests.support.operator_process import OperatorProcess
from tests.support.user import RefusedError, User, wait_until

pytestmark = pytest.mark.apiserver

OUTAGE_SECONDS = 60


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """Bring up a control plane that nobody else needs."""
    name = f"outage-{os.getpid()}"
    try:
        cluster = up(name=name, nodes=0, kubernetes=os.environ.get(KUBERNETES))
        User(cluster.full_environment(), "default").kubectl("apply", "-f", str(CRD))
        yield cluster
    finally:
        down(name)


@pytest.fixture
def person(own_cluster: Cluster) -> Iterator[User]:
    """Return a person with a fresh namespace of that cluster."""
    with person_of(own_cluster) as found:
        yield found


def start_again(cluster: Cluster) -> None:
    """Start the API server; the port of one that was killed may take a moment to be free."""

    def started() -> bool:
        try:
            cluster.start("kube-apiserver")
        except ClusterError:
            return False
        return True

    wait_until(started, bool, 60)


def test_outage_of_a_minute_is_survived_and_what_happened_meanwhile_is_found(
    own_cluster: Cluster, person: User, tmp_path: Path
) -> None:
    script = by_name(ps_0=Run(None), during_worker_0=Run(seconds=10), after_worker_0=Run(seconds=10))
    with operated(own_cluster, person, tmp_path, script) as at:
        person.apply_job("steady", image=IMAGE, multiWorker={"workers": 2})
        person.apply_job("during", **PARAMETER_SERVER)
        person.wait_for_phase("during", "Running")
        pid = at.process.pid
        own_cluster.stop("kube-apiserver")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began, lambda elapsed: elapsed > OUTAGE_SECONDS, OUTAGE_SECONDS + 30)
        assert at.process.exit_code is None, "the outage does not end the process"
        assert at.process.get("/healthz")[0] == 200, "nor would Kubernetes"
        start_again(own_cluster)
        assert person.wait_finished("during", seconds=120)["phase"] == "Succeeded"
        person.apply_job("after", **PARAMETER_SERVER)
        assert person.wait_finished("after", seconds=120)["phase"] == "Succeeded"
        assert at.process.get("/readyz") == (200, "working\n")
        assert (at.process.exit_code, at.process.pid) == (None, pid)
        assert {name: uids for name, uids in at.kubelet.seen.items() if len(uids) > 1} == {}


def test_restart_of_the_api_server_loses_nothing(own_cluster: Cluster, person: User, tmp_path: Path) -> None:
    with operated(own_cluster, person, tmp_path, by_name(ps_0=Run(None), worker_0=Run(seconds=5))) as at:
        for number in range(5):
            person.apply_job(f"job-{number}", **PARAMETER_SERVER)
        own_cluster.kill("kube-apiserver")
        start_again(own_cluster)
        for number in range(5):
            assert person.wait_finished(f"job-{number}", seconds=120)["phase"] == "Succeeded"
        assert at.process.exit_code is None
        assert {name: uids for name, uids in at.kubelet.seen.items() if len(uids) > 1} == {}


def test_stored_form_that_does_not_validate_is_stalled_and_delays_nobody(
    own_cluster: Cluster, person: User, tmp_path: Path
) -> None:
    schema = json.loads(person.kubectl("get", "-f", str(CRD), "-o", "json"))
    for version in schema["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema["metadata"] = {"name": schema["metadata"]["name"]}
    person.kubectl("replace", "-f", "-", stdin=json.dumps(schema))
    wait_until(lambda: _takes_anything(person), bool, 60)
    person.kubectl("replace", "-f", str(CRD))
    with operated(own_cluster, person, tmp_path, by_name()) as at:
        person.apply_job("sound", image=IMAGE)
        assert person.wait_finished("sound", seconds=60)["phase"] == "Succeeded"
        status = wait_until(lambda: person.status("odd"), lambda found: bool(found.get("conditions")), 60)
        stalled = at.condition("odd", "Stalled")
        assert stalled["status"] == "True"
        assert "workers" in stalled["message"]
        assert status["phase"] not in ("Succeeded", "Running")
        assert person.pods("odd") == {}
        assert at.process.get("/healthz") == (200, "ok\n")
        assert at.process.metric('trainingjob_reconcile_seconds_count{result="failed"}') == 0


def _takes_anything(person: User) -> bool:
    """Say whether a job that no schema of ours takes is stored."""
    try:
        person.apply_job("odd", image=IMAGE, parameterServer={"workers": -3}, multiWorker={})
    except RefusedError:
        return False
    return True


def test_operator_without_the_definition_waits_for_it_and_says_so(
    own_cluster: Cluster, person: User, tmp_path: Path
) -> None:
    person.kubectl("delete", "-f", str(CRD))
    flags = ("--lease-namespace", person.namespace)
    process = OperatorProcess(own_cluster.kubeconfig, tmp_path / "operator.log", flags)
    try:
        process.wait_for_log("Is the CustomResourceDefinition installed?")
        code, text = process.get("/readyz")
        assert code == 503
        assert "cannot list trainingjobs" in text
        assert process.get("/healthz")[0] == 200
        person.kubectl("apply", "-f", str(CRD))
        process.wait_until_ready()
        with person_of(own_cluster) as other:
            # Without --namespace it serves them all.
            for user in (person, other):
                user.apply_job("mnist", image=IMAGE)
                user.wait_for_pods("mnist", {"mnist-worker-0"})
        assert process.stop() == 0
    finally:
        if process.exit_code is None:
            process.kill()
