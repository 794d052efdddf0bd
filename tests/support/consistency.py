"""What must hold of the jobs of a namespace at any moment, and of each when it has ended."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tests.support.fault_jobs import FAILING_RESTARTS, FaultJob

Body = Mapping[str, Any]
ENDS = ("Succeeded", "Failed", "Cancelled")
_COUNTERS = ("attempt", "restarts", "disruptions", "observedGeneration")


class Judge(Protocol):
    """Is shown all jobs and pods again and again and remembers what was wrong."""

    violations: list[str]

    def see(self, jobs: Sequence[Body], pods: Sequence[Body]) -> None:
        """Look at all jobs and pods of the namespace as they are at one moment."""


class Monotony:
    """Demands that no counter goes down, no end is taken back, and nothing is made after an end."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._last: dict[str, Body] = {}

    def see(self, jobs: Sequence[Body], pods: Sequence[Body]) -> None:
        """Compare what is now with what was."""
        for job in jobs:
            uid, status = job["metadata"]["uid"], job.get("status") or {}
            before = self._last.get(uid, {})
            self._compare(job["metadata"]["name"], before, status)
            self._look_at_pods(job, before, [pod for pod in pods if _owner(pod) == uid])
            self._last[uid] = status

    def _compare(self, name: str, before: Body, now: Body) -> None:
        for counter in _COUNTERS:
            was, is_now = before.get(counter), now.get(counter)
            if was is not None and (is_now is None or is_now < was):
                self.violations.append(f"{name}: {counter} went from {was} to {is_now}")
        if before.get("phase") in ENDS and now.get("phase") != before["phase"]:
            self.violations.append(f"{name}: {before['phase']} became {now.get('phase')}")

    def _look_at_pods(self, job: Body, before: Body, pods: Sequence[Body]) -> None:
        name = job["metadata"]["name"]
        live = [_replica(pod) for pod in pods if pod["status"].get("phase") in ("Pending", "Running")]
        if len(live) != len(set(live)):
            self.violations.append(f"{name}: two live pods for one replica: {sorted(live)}")
        # Both are of this machine's clock, in whole seconds.
        end = (before.get("completionTime") or "9") if before.get("phase") in ENDS else "9"
        if late := sorted(str(pod["metadata"]["name"]) for pod in pods if pod["metadata"]["creationTimestamp"] > end):
            self.violations.append(f"{name}: pods were made after its end: {late}")


def _owner(pod: Body) -> str:
    return str(next(o["uid"] for o in pod["metadata"]["ownerReferences"] if o.get("controller")))


def _replica(pod: Body) -> tuple[str, str]:
    labels = pod["metadata"]["labels"]
    return labels["trainingjob.dev/role"], labels["trainingjob.dev/index"]


def faults_of_the_end(job: FaultJob, stored: Body) -> list[str]:
    """Return what is wrong with a job that has ended."""
    status, spec = stored["status"], stored["spec"]
    conditions = {found["type"]: found["status"] for found in status["conditions"]}
    attempt, restarts, disruptions = (status[counter] for counter in _COUNTERS[:3])
    failures = [(found["pod"], found["attempt"], found.get("uid")) for found in status.get("failures") or ()]
    # Placed on a node whose kubelet had fallen silent before anybody missed it, such a pod was not there to be hit.
    lost = {found.get("uid") for found in status.get("failures") or () if found.get("class") == "NodeLost"} - job.hit
    own_failures = FAILING_RESTARTS if "Failed" in job.expected else 0
    checks = {
        f"ended {status['phase']} and not {sorted(job.expected)}": status["phase"] in job.expected,
        "is not Finished": conditions.get("Finished") == "True",
        "has a condition of another end": [end for end in ENDS[:2] if conditions.get(end) == "True"]
        == [end for end in ENDS[:2] if end == status["phase"]],
        "has not seen its last change": status["observedGeneration"] == stored["metadata"]["generation"],
        f"has {attempt} attempts of {restarts} restarts and {disruptions} disruptions": attempt
        <= restarts + disruptions,
        f"has {restarts} restarts": restarts <= min(job.hits["program"] + own_failures, spec["maxRestarts"]),
        f"has {disruptions} disruptions": disruptions <= job.hits["cluster"] + len(lost),
        f"tells a failure twice: {failures}": len(failures) == len(set(failures)),
    }
    told = f"hits: {job.hits}; failures: {status.get('failures')}"
    return [f"{job.name} {what} ({told})" for what, good in checks.items() if not good]
