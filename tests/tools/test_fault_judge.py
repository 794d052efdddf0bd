"""The judge of the random faults sees what it is there to see."""

from typing import Any

import pytest

from tests.support.consistency import Monotony, faults_of_the_end
from tests.support.fault_jobs import FaultJob

FINE = {"phase": "Running", "attempt": 2, "restarts": 1, "disruptions": 1, "observedGeneration": 1}
ENDED = {**FINE, "phase": "Succeeded", "completionTime": "2026-01-01T00:01:00Z"}
CONDITIONS = [{"type": kind, "status": "True"} for kind in ("Finished", "Succeeded")]
GOOD = {**ENDED, "conditions": CONDITIONS}


def job(status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "mnist", "uid": "u", "generation": 1}, "spec": {"maxRestarts": 3}, "status": status}


def pod(uid: str, created: str = "2026-01-01T00:00:00Z", phase: str = "Running") -> dict[str, Any]:
    labels = {"trainingjob.dev/role": "worker", "trainingjob.dev/index": "0"}
    owner = [{"uid": "u", "controller": True}]
    metadata = {"name": "mnist-worker-0", "uid": uid, "creationTimestamp": created, "labels": labels}
    return {"metadata": {**metadata, "ownerReferences": owner}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("before", "now", "pods", "words"),
    [
        (FINE, {**FINE, "restarts": 0}, [], "restarts went from 1 to 0"),
        (FINE, {key: value for key, value in FINE.items() if key != "attempt"}, [], "attempt went from 2 to None"),
        (ENDED, {**ENDED, "phase": "Failed"}, [], "Succeeded became Failed"),
        (FINE, FINE, [pod("a"), pod("b")], "two live pods for one replica"),
        (ENDED, ENDED, [pod("a", "2026-01-01T00:01:01Z")], "pods were made after its end"),
    ],
)
def test_what_must_never_happen_is_a_violation(
    before: dict[str, Any], now: dict[str, Any], pods: list[dict[str, Any]], words: str
) -> None:
    judge = Monotony()
    judge.see([job(before)], [])
    judge.see([job(now)], pods)
    (violation,) = judge.violations
    assert words in violation


def test_ordinary_life_is_no_violation() -> None:
    judge = Monotony()
    judge.see([job({"observedGeneration": -1})], [])
    judge.see([job(FINE)], [pod("a")])
    judge.see([job(ENDED)], [pod("a", phase="Succeeded")])
    assert judge.violations == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phase": "Failed"}, "ended Failed"),
        ({"restarts": 2}, "has 2 restarts"),
        ({"disruptions": 2}, "has 2 disruptions"),
        ({"attempt": 3}, "has 3 attempts"),
        ({"observedGeneration": 0}, "has not seen its last change"),
        ({"conditions": [{"type": "Succeeded", "status": "True"}]}, "is not Finished"),
        ({"failures": [{"pod": "p", "attempt": 0, "uid": "a"}] * 2}, "tells a failure twice"),
    ],
)
def test_end_that_does_not_fit_what_was_done_is_told(change: dict[str, Any], words: str) -> None:
    plan = FaultJob("mnist", "single", {}, 1, {"Succeeded"}, {"program": 1, "cluster": 1})
    assert faults_of_the_end(plan, job(GOOD)) == []
    assert any(words in fault for fault in faults_of_the_end(plan, job({**GOOD, **change})))


def test_pod_that_was_placed_on_a_silent_node_is_one_more_disruption_and_no_other_is() -> None:
    plan = FaultJob("mnist", "single", {}, 1, {"Succeeded"}, {"program": 1, "cluster": 1}, {"a"})
    lost = [{"pod": "p", "attempt": attempt, "uid": uid, "class": "NodeLost"} for attempt, uid in enumerate("ab")]
    assert faults_of_the_end(plan, job({**GOOD, "disruptions": 2, "failures": lost})) == []
    assert faults_of_the_end(plan, job({**GOOD, "disruptions": 3, "failures": lost}))
    assert faults_of_the_end(plan, job({**GOOD, "disruptions": 2, "failures": lost[:1]}))
