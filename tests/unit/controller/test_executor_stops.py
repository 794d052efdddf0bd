"""Stopping a pod: its programs end, the pod stays, and no other pod is meant."""

import pytest

from tests.unit.controller.hands import JOB, OTHER_UID, Hands, child, create
from trainingjob.controller.kube import PODS
from trainingjob.controller.kube_errors import ConflictError, KubeError, RefusedError, TransientError
from trainingjob.reconcile import StopPod

NAME = "mnist-worker-0"
REFUSED = RefusedError('Pod "mnist-worker-0" is invalid: metadata.uid: field is immutable', status=422)
CONFLICT = ConflictError("Precondition failed: UID in precondition", status=409)


@pytest.fixture
async def hands() -> Hands:
    """Return an executor that has created a pod."""
    hands = Hands()
    await hands.run(create(NAME))
    return hands


def stop(hands: Hands) -> StopPod:
    """Mean the pod that the executor knows."""
    return StopPod(NAME, hands.pods.of(JOB.key)[0].uid)


async def test_pod_that_is_stopped_stays_and_is_known_as_stopped(hands: Hands) -> None:
    meant = stop(hands)
    outcome = await hands.run(meant)
    assert outcome.trouble is None
    stored = hands.kube.stored(PODS, "team", NAME)
    assert stored is not None
    assert stored["spec"]["activeDeadlineSeconds"] == 1
    assert [(pod.stopped, pod.deleting) for pod in hands.pods.of(JOB.key)] == [(True, False)]
    assert hands.kube.writes("delete") == []


async def test_pod_that_is_gone_is_success_and_forgotten(hands: Hands) -> None:
    hands.kube.objects.clear()
    outcome = await hands.run(stop(hands))
    assert (outcome.trouble, hands.known()) == (None, [])


@pytest.mark.parametrize("answer", [None, REFUSED])
async def test_pod_that_is_another_by_now_is_left_alone_and_becomes_known(
    hands: Hands, answer: KubeError | None
) -> None:
    meant = stop(hands)
    hands.kube.put(PODS, "team", {**child(NAME, OTHER_UID), "spec": {}})
    if answer is not None:
        hands.refuse("patch", answer)
    outcome = await hands.run(meant)
    assert outcome.trouble is None
    assert [(pod.owner_uid, pod.stopped) for pod in hands.pods.of(JOB.key)] == [(OTHER_UID, False)]


@pytest.mark.parametrize("error", [TransientError("timeout"), CONFLICT, RefusedError("no right", status=403)])
async def test_stop_that_fails_is_trouble_and_hides_nothing(hands: Hands, error: KubeError) -> None:
    hands.refuse("patch", error)
    outcome = await hands.run(stop(hands))
    assert outcome.trouble is not None
    assert hands.known() == [NAME]
