"""Passes over an MPI job: its Secret comes before its pods, is never asked about, and its refusal is told."""

from tests.unit.controller.stage import Stage
from trainingjob.api.status import Phase
from trainingjob.controller.kube import SECRETS
from trainingjob.controller.kube_errors import RefusedError

MPI = {"command": ["train"], "mpi": {"nodes": 2}}
LAUNCHER, WORKERS = "mnist-launcher-0", ("mnist-worker-0", "mnist-worker-1")
QUOTA = RefusedError('secrets "mnist-x-a0" is forbidden: exceeded quota: few, limited: secrets=3', status=403)


def submitted(first_status: tuple[float, float] = (0, 0)) -> Stage:
    stage = Stage(first_status=first_status)
    stage.submit(uid="1111aaaa-2222-4333-8444-555555555555", **MPI)
    return stage


async def test_secret_of_an_mpi_job_comes_before_its_pods() -> None:
    stage = submitted()
    await stage.look()
    kinds = [write.split("/")[0] for write in stage.kube.writes("create")]
    assert kinds == ["create services", "create configmaps", "create secrets", *["create pods"] * 3]
    secret = stage.kube.stored(SECRETS, "team", "mnist-1111aaaa-a0")
    assert secret is not None
    assert secret["data"].keys() == {"client_key", "authorized_keys", "host_key", "known_hosts"}
    assert secret["immutable"]
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "1111aaaa-2222-4333-8444-555555555555"


async def test_whole_life_of_an_mpi_job_writes_one_secret_and_asks_for_none() -> None:
    stage = submitted()
    await stage.look()
    stage.run(*WORKERS, LAUNCHER)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    stage.end(LAUNCHER, 0)
    await stage.look()
    await stage.look()
    assert stage.stored().status.phase is Phase.SUCCEEDED
    assert [request for request in stage.kube.requests if "secrets" in request] == ["create secrets/mnist-1111aaaa-a0"]
    assert stage.kube.writes("delete") == [f"delete pods/{worker}" for worker in WORKERS]


async def test_refused_secret_is_told_and_no_pod_is_created_until_it_is_there() -> None:
    stage = submitted()
    stage.kube.before = lambda verb, name: QUOTA if verb == "create" and name.endswith("-a0") else None
    await stage.look()
    status = stage.stored().status
    assert (status.phase, status.reason) == (Phase.PENDING, "QuotaExceeded")
    assert "Secret mnist-1111aaaa-a0 could not be created" in (status.message or "")
    assert "limited: secrets=3" in (status.message or "")
    await stage.look()
    assert not [write for write in stage.kube.writes() if "pods/" in write]
    stage.kube.before = lambda _verb, _name: None
    await stage.look()
    assert len([write for write in stage.kube.writes() if "pods/" in write]) == 3
    assert stage.stored().status.reason == "WaitingForWorkers"


async def test_first_word_waits_for_the_workers_that_may_be_up_in_a_moment() -> None:
    stage = submitted(first_status=(3600, 3600))
    await stage.look()
    assert stage.stored().status.phase is None
    stage.run(*WORKERS, LAUNCHER)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    assert len(stage.kube.writes("patch")) == 1
