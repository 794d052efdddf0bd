"""Security: restricted by default, baseline where chosen, root only where it is allowed."""

from typing import Any

import pytest

from tests.support.builders import make_job
from tests.support.pod_security import restricted_violations
from tests.support.pods import env_names, main_container, pod_of, render_pods
from trainingjob.plan import PlanOptions, PlanRefusedError, plan_job

APPARMOR = "container.apparmor.security.beta.kubernetes.io/main"
RUNTIME_DEFAULT = {"type": "RuntimeDefault"}


def security_of(given: dict[str, Any] | None, profile: str = "restricted") -> dict[str, Any]:
    return dict(pod_of(profile=profile, securityContext=given)["spec"]["securityContext"])


def test_a_job_that_says_nothing_runs_restricted_as_user_1000() -> None:
    assert security_of(None) == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": RUNTIME_DEFAULT,
    }
    assert main_container(pod_of())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_ids_that_a_restricted_job_gives_are_used() -> None:
    given = {"runAsUser": 7, "runAsGroup": 0, "fsGroup": 9, "supplementalGroups": [10, 11]}
    assert security_of(given).items() >= given.items()


def test_user_0_under_restricted_is_refused_with_the_way_out() -> None:
    job = make_job(securityContext={"runAsUser": 0})
    with pytest.raises(PlanRefusedError, match=r"runAsUser is 0.*profile: baseline") as caught:
        plan_job(job, PlanOptions())
    assert caught.value.reason == "RootNotAllowed"


def test_baseline_keeps_the_image_s_own_user_and_home() -> None:
    pod = pod_of(securityContext={"profile": "baseline"})
    assert pod["spec"]["securityContext"] == {"seccompProfile": RUNTIME_DEFAULT}
    assert "securityContext" not in main_container(pod)
    assert {"HOME", "USER", "LOGNAME"}.isdisjoint(env_names(pod))
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["trainingjob-shm"]


def test_baseline_with_ids_uses_them_and_gives_the_user_a_home() -> None:
    given = {"profile": "baseline", "runAsUser": 500, "runAsGroup": 501, "fsGroup": 502}
    pod = pod_of(securityContext=given)
    assert pod["spec"]["securityContext"] == {
        "runAsUser": 500,
        "runAsGroup": 501,
        "fsGroup": 502,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": RUNTIME_DEFAULT,
    }
    assert "HOME" in env_names(pod)


def test_baseline_allows_root_and_leaves_root_its_home() -> None:
    pod = pod_of(securityContext={"profile": "baseline", "runAsUser": 0})
    assert pod["spec"]["securityContext"]["runAsUser"] == 0
    assert "HOME" not in env_names(pod)


@pytest.mark.parametrize(
    ("chosen", "configured", "non_root"),
    [
        (None, "restricted", True),
        (None, "baseline", None),
        ("restricted", "baseline", True),
        ("baseline", "restricted", None),
    ],
)
def test_the_job_s_profile_wins_over_the_operator_s(chosen: str | None, configured: str, non_root: bool | None) -> None:
    given = None if chosen is None else {"profile": chosen}
    assert security_of(given, configured).get("runAsNonRoot") is non_root


def test_an_annotation_that_lifts_apparmor_is_refused() -> None:
    with pytest.raises(PlanRefusedError, match=APPARMOR) as caught:
        plan_job(make_job(podAnnotations={APPARMOR: "unconfined"}), PlanOptions())
    assert caught.value.reason == "AppArmorUnconfined"
    assert restricted_violations(pod_of(podAnnotations={APPARMOR: "runtime/default"})) == []


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"gpusPerWorker": 1, "shmSize": "2Gi"},
        {"parameterServer": {"chief": True, "evaluator": True}},
        {"multiWorker": {"workers": 60}},
        {"securityContext": {"runAsUser": 7, "runAsGroup": 0, "fsGroup": 0, "supplementalGroups": [0]}},
        {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
    ],
)
def test_every_pod_satisfies_the_restricted_level(spec: dict[str, Any]) -> None:
    for pod in render_pods(make_job(spec=spec)).values():
        assert restricted_violations(pod) == []


@pytest.mark.parametrize(
    ("where", "change", "line"),
    [
        ("spec", {"hostPID": True}, "hostPID"),
        ("spec", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
        ("metadata", {"annotations": {APPARMOR: "unconfined"}}, "apparmor"),
        ("context", {"runAsUser": 0}, "runAsUser"),
        ("context", {"runAsNonRoot": None}, "runAsNonRoot"),
        ("context", {"seccompProfile": {"type": "Unconfined"}}, "Unconfined"),
        ("context", {"sysctls": [{"name": "kernel.msgmax"}]}, "sysctl"),
        ("container", {"securityContext": {}}, "allowPrivilegeEscalation"),
        ("container", {"securityContext": {"allowPrivilegeEscalation": False}}, "drop ALL"),
        ("container", {"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}}, "added"),
        ("container", {"securityContext": {"privileged": True}}, "privileged"),
        ("container", {"ports": [{"containerPort": 1, "hostPort": 1}]}, "hostPort"),
    ],
)
def test_the_checker_of_the_restricted_level_finds_what_breaks_it(
    where: str, change: dict[str, Any], line: str
) -> None:
    pod = pod_of()
    parts = {
        "metadata": pod["metadata"],
        "spec": pod["spec"],
        "context": pod["spec"]["securityContext"],
        "container": pod["spec"]["containers"][0],
    }
    parts[where].update(change)
    assert any(line in found for found in restricted_violations(pod))
