"""Carrying out actions: what is refused, what is there already, what is lost."""

from typing import Any

import pytest

from tests.unit.controller.fakes import FakeKube
from tests.unit.controller.hands import JOB, OTHER_UID, Hands, child, create, owner
from trainingjob.controller.executor import CREATES_MOST, Executor
from trainingjob.controller.kube import CONFIG_MAPS, PODS, SERVICES
from trainingjob.controller.kube_errors import (
    ConflictError,
    FencedError,
    KubeError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from trainingjob.controller.observe import read_pod
from trainingjob.reconcile import DeletePod, ReadPod, RefusalKind


@pytest.fixture
def hands() -> Hands:
    return Hands()


async def test_supports_are_created_before_pods_and_all_is_known_at_once(hands: Hands) -> None:
    pods = [create(f"mnist-worker-{i}") for i in range(5)]
    outcome = await hands.run(create("mnist", "Service"), create("mnist-x-cluster", "ConfigMap"), *pods)
    assert hands.kube.writes()[:2] == ["create services/mnist", "create configmaps/mnist-x-cluster"]
    assert len(outcome.created) == 7
    assert hands.known() == [pod.name for pod in pods]
    assert [service.name for service in hands.services.of(JOB.key)] == ["mnist"]


async def test_refusing_quota_is_asked_once_and_not_for_every_pod(hands: Hands) -> None:
    error = RefusedError('pods "x" is forbidden: exceeded quota: two, used: pods=2, limited: pods=2', status=403)
    hands.refuse("create", error, *(f"mnist-worker-{i}" for i in range(2, 1000)))
    outcome = await hands.run(*(create(f"mnist-worker-{i}") for i in range(1000)))
    assert [created.name for created in outcome.created] == ["mnist-worker-0", "mnist-worker-1"]
    assert [(r.name, r.why) for r in outcome.refused] == [("mnist-worker-2", RefusalKind.QUOTA)]
    assert outcome.untried
    assert len(hands.kube.writes()) == 3


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (RefusedError("pods is forbidden: violates PodSecurity", status=403), RefusalKind.ADMISSION),
        (RefusedError("failed quota: compute: must specify limits.cpu", status=403), RefusalKind.ADMISSION),
        (RefusedError('admission webhook "p" denied the request: no', status=400), RefusalKind.ADMISSION),
        (RefusedError('Internal error: failed calling webhook "p"', status=500), RefusalKind.ADMISSION),
        (RefusedError('Pod "x" is invalid: spec.nodeSelector: Invalid value', status=422), RefusalKind.INVALID),
        (RefusedError("request is too large", status=413), RefusalKind.INVALID),
        (NotFoundError('namespaces "team" not found', status=404), RefusalKind.INVALID),
    ],
)
async def test_refusal_keeps_the_servers_words_and_gets_its_kind(
    hands: Hands, error: KubeError, why: RefusalKind
) -> None:
    hands.refuse("create", error)
    outcome = await hands.run(create("mnist-worker-0"))
    assert [(r.kind, r.name, r.why, r.message) for r in outcome.refused] == [("Pod", "mnist-worker-0", why, str(error))]


async def test_pod_is_not_created_when_its_service_was_refused(hands: Hands) -> None:
    hands.refuse("create", RefusedError("no", status=403), "mnist")
    outcome = await hands.run(
        create("mnist", "Service"), create("mnist-x-cluster", "ConfigMap"), create("mnist-worker-0")
    )
    assert hands.kube.writes() == ["create services/mnist"]
    assert outcome.untried


@pytest.mark.parametrize("kind", ["Pod", "Service"])
async def test_own_object_that_exists_is_success_and_known(hands: Hands, kind: str) -> None:
    hands.kube.put(PODS if kind == "Pod" else SERVICES, "team", child("mnist"))
    outcome = await hands.run(create("mnist", kind))
    assert (outcome.created, outcome.refused, outcome.trouble) == ([], [], None)
    known = hands.pods.of(JOB.key) if kind == "Pod" else hands.services.of(JOB.key)
    assert [found.name for found in known] == ["mnist"]


async def test_config_map_that_exists_is_success_without_reading_it(hands: Hands) -> None:
    hands.kube.put(CONFIG_MAPS, "team", {"metadata": {"name": "mnist-x-cluster"}})
    outcome = await hands.run(create("mnist-x-cluster", "ConfigMap"))
    assert (outcome.refused, outcome.trouble) == ([], None)
    assert hands.kube.requests == ["create configmaps/mnist-x-cluster"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"metadata": {"name": "mnist-worker-0"}}, "was not made by this job"),
        ({"metadata": {"name": "mnist-worker-0", "ownerReferences": owner("u", "Job", "etl")}}, "belongs to Job etl"),
        (child("mnist-worker-0", OTHER_UID), "an earlier TrainingJob of this name"),
        (child("mnist-worker-0", label="other"), "its label trainingjob.dev/job was changed"),
    ],
)
async def test_name_that_is_taken_is_refused_and_left_alone(hands: Hands, body: dict[str, Any], words: str) -> None:
    before = hands.kube.put(PODS, "team", body)
    outcome = await hands.run(create("mnist-worker-0"))
    assert [r.why for r in outcome.refused] == [RefusalKind.NAME_TAKEN]
    assert words in outcome.refused[0].message
    assert hands.kube.stored(PODS, "team", "mnist-worker-0") == before
    assert hands.kube.writes() == ["create pods/mnist-worker-0"]


async def test_pod_of_an_earlier_job_becomes_known_so_that_its_end_is_heard(hands: Hands) -> None:
    hands.kube.put(PODS, "team", child("mnist-worker-0", OTHER_UID))
    await hands.run(create("mnist-worker-0"))
    assert [pod.owner_uid for pod in hands.pods.of(JOB.key)] == [OTHER_UID]


async def test_lost_answer_to_a_create_leads_to_one_pod(hands: Hands) -> None:
    lost = iter([TransientError("connection reset")])
    hands.kube.after = lambda verb, _: next(lost, None) if verb == "create" else None
    first = await hands.run(create("mnist-worker-0"))
    assert first.trouble is not None
    second = await hands.run(create("mnist-worker-0"))
    assert (second.trouble, second.refused) == (None, [])
    assert hands.known() == ["mnist-worker-0"]


@pytest.mark.parametrize("error", [TransientError("503", status=503), ConflictError("resourcequotas", status=409)])
async def test_what_may_pass_is_trouble_and_stops_further_creates(hands: Hands, error: KubeError) -> None:
    hands.refuse("create", error)
    outcome = await hands.run(*(create(f"mnist-worker-{i}") for i in range(9)))
    assert outcome.trouble is not None
    assert (outcome.refused, outcome.untried) == ([], True)
    assert len(hands.kube.writes()) == 1


async def test_lease_that_is_lost_ends_the_pass(hands: Hands) -> None:
    fenced = FakeKube(may_write=lambda: 0)
    executor = Executor(fenced, hands.pods, hands.services, concurrency=4)
    with pytest.raises(FencedError):
        await executor.run(JOB, [create("mnist-worker-0")])
    assert fenced.requests == []


async def test_deleted_pod_is_known_as_being_deleted_at_once(hands: Hands) -> None:
    stored = read_pod(hands.kube.put(PODS, "team", {**child("mnist-worker-0"), "kind": "Pod"}))
    hands.pods.observe(stored)
    outcome = await hands.run(DeletePod("mnist-worker-0", stored.uid, 30))
    assert outcome.trouble is None
    assert [pod.deleting for pod in hands.pods.of(JOB.key)] == [True]


async def test_pod_that_is_gone_or_another_by_now_is_success_and_forgotten(hands: Hands) -> None:
    gone = read_pod(hands.kube.put(PODS, "team", child("mnist-worker-0")))
    hands.pods.observe(gone)
    hands.kube.objects.clear()
    assert (await hands.run(DeletePod("mnist-worker-0", gone.uid, 30))).trouble is None
    assert hands.known() == []
    successor = hands.kube.put(PODS, "team", child("mnist-worker-0"))
    assert (await hands.run(DeletePod("mnist-worker-0", gone.uid, 30))).trouble is None
    assert hands.kube.stored(PODS, "team", "mnist-worker-0") == successor


async def test_failed_delete_does_not_keep_others_from_being_deleted(hands: Hands) -> None:
    stored = [read_pod(hands.kube.put(PODS, "team", child(f"mnist-worker-{i}"))) for i in range(3)]
    hands.refuse("delete", TransientError("timeout"), "mnist-worker-0")
    outcome = await hands.run(*(DeletePod(pod.name, pod.uid, 30) for pod in stored))
    assert outcome.trouble is not None
    assert len(hands.kube.writes("delete")) == 3


async def test_large_job_is_created_in_several_passes(hands: Hands) -> None:
    creates = [create(f"mnist-worker-{i}") for i in range(1200)]
    first = await hands.run(*creates)
    assert first.untried
    assert CREATES_MOST <= len(first.created) < 1200
    second = await hands.run(*creates[len(first.created) :])
    third = await hands.run(*creates[len(first.created) + len(second.created) :])
    assert [outcome.untried for outcome in (second, third)] == [True, False]
    assert len(hands.known()) == 1200


async def test_every_finished_request_is_progress(hands: Hands) -> None:
    told: list[tuple[str, str]] = []
    executor = Executor(hands.kube, hands.pods, hands.services, 4, told.append)
    await executor.run(JOB, [create(f"mnist-worker-{i}") for i in range(3)])
    assert told == [JOB.key] * 3


async def test_read_tells_found_from_missing(hands: Hands) -> None:
    hands.kube.put(PODS, "team", child("mnist-worker-0", label="stolen"))
    outcome = await hands.run(ReadPod("mnist-worker-0"), ReadPod("mnist-worker-1"))
    assert [pod.name for pod in outcome.found] == ["mnist-worker-0"]
    assert outcome.missing == {"mnist-worker-1"}


async def test_read_without_an_answer_says_nothing_of_the_pod(hands: Hands) -> None:
    hands.refuse("get", TransientError("timeout"))
    outcome = await hands.run(ReadPod("mnist-worker-0"))
    assert outcome.missing == set()
    assert outcome.trouble is not None


async def test_conflict_of_a_delete_that_spoke_of_a_pod_still_there_is_trouble_and_hides_nothing(hands: Hands) -> None:
    await hands.run(create("mnist-worker-0"))
    uid = hands.pods.of(JOB.key)[0].uid
    hands.refuse("delete", ConflictError("the object has been modified", status=409))
    outcome = await hands.run(DeletePod("mnist-worker-0", uid, 30))
    assert outcome.trouble is not None
    assert hands.known() == ["mnist-worker-0"]


async def test_delete_of_a_pod_whose_name_another_has_by_now_makes_the_other_known(hands: Hands) -> None:
    await hands.run(create("mnist-worker-0"))
    hands.kube.put(PODS, "team", child("mnist-worker-0", OTHER_UID))
    outcome = await hands.run(DeletePod("mnist-worker-0", hands.pods.of(JOB.key)[0].uid, 30))
    assert outcome.trouble is None
    assert [pod.owner_uid for pod in hands.pods.of(JOB.key)] == [OTHER_UID]
