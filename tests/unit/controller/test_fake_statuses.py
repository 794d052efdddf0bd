"""What the fake kubelet writes reads like what a real one wrote of the same end."""

from typing import Any

import pytest

from tests.support import pod_statuses
from tests.support.recorded_pods import recordings
from tests.unit.controller.statuses import pod
from trainingjob.reconcile import ObservedPod
from trainingjob.reconcile.replicas import judge

RECORDED = {found.name: found for found in recordings()}
BEGUN = "2026-01-01T00:00:02Z"


def told(found: ObservedPod) -> dict[str, Any]:
    """Return what decisions are made from, without times and words."""
    return {
        "phase": found.phase,
        "state": judge(found),
        "ready": found.ready,
        "reason": found.main.reason,
        "exit code": found.main.exit_code,
        "has begun": found.main.started is not None,
        "has ended": found.main.ended is not None,
        "init": (found.init_name, found.init_exit_code, found.init_running),
        "pod": (found.reason, found.disruption, found.unschedulable),
    }


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("exit-0", pod_statuses.ended(0, "", "", BEGUN)),
        ("exit-3", pod_statuses.ended(3, "", "no data\n", BEGUN)),
        ("signal-kill", pod_statuses.ended(137, "", "", BEGUN)),
        ("memory", pod_statuses.ended(137, "OOMKilled", "", BEGUN)),
        ("init-exit-78", pod_statuses.init_failed(["prepare"], 78, "no sshd\n", BEGUN)),
        ("no-image", pod_statuses.waiting("ErrImageNeverPull", "")),
        ("no-settings", pod_statuses.waiting("CreateContainerConfigError", "")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_status_of_the_fake_kubelet_reads_like_the_recorded_one(name: str, status: dict[str, Any]) -> None:
    assert told(pod(status)) == told(pod(RECORDED[name].seen[-1]["status"]))


@pytest.mark.parametrize("name", ["deleted", "evicted", "preempted", "tainted"])
def test_running_pod_of_the_fake_kubelet_reads_like_one_that_is_about_to_be_taken_away(name: str) -> None:
    real = told(pod(RECORDED[name].seen[0]["status"]))
    fake = told(pod(pod_statuses.running([], BEGUN, ready=True)))
    assert {**fake, "pod": real["pod"]} == real
