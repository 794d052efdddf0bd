"""What a person does with kubectl in one namespace, and what they read there."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import yaml

from trainingjob.api.constants import API_VERSION, KIND

Object = dict[str, Any]
T = TypeVar("T")


class RefusedError(Exception):
    """kubectl ended with an error; the text is what it printed for the person."""


class User:
    """A person with a kubeconfig and a namespace."""

    def __init__(self, environment: Mapping[str, str], namespace: str) -> None:
        self.environment = dict(environment)
        """Variables that point kubectl at the cluster."""
        self.namespace = namespace

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace and return what it printed.

        Raises:
            RefusedError: when it ends with an error.
        """
        command = ["kubectl", "--namespace", self.namespace, *words]
        done = subprocess.run(command, env=self.environment, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError(done.stderr.strip())
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Apply manifests.

        They go as a stream of YAML: old kubectls read none of JSON, and within a List kubectl itself looks for unknown
        fields, with other words than the API server's.
        """
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def apply_job(self, name: str, /, **spec: Any) -> None:
        """Apply a TrainingJob with this spec."""
        self.apply({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec})

    def change_job(self, name: str, /, **spec: Any) -> None:
        """Change fields of a TrainingJob's spec.

        Raises:
            RefusedError: when the API server does not allow it.
        """
        self.kubectl("patch", "tjob", name, "--type=merge", "--patch", json.dumps({"spec": spec}))

    def evict(self, pod: str) -> None:
        """Evict a pod, as draining its node does."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        self.kubectl("create", "--raw", path, "--filename=-", stdin=json.dumps(eviction))

    def refusal(self, name: str, /, **spec: Any) -> str:
        """Return the message with which the API server refuses a TrainingJob.

        Raises:
            AssertionError: when it accepts the job.
        """
        try:
            self.apply_job(name, **spec)
        except RefusedError as error:
            return str(error)
        raise AssertionError(f"TrainingJob {name} was accepted")

    def job(self, name: str) -> Object:
        """Return a TrainingJob."""
        found: Object = json.loads(self.kubectl("get", "trainingjobs.trainingjob.dev", name, "-o", "json"))
        return found

    def status(self, name: str) -> Object:
        """Return the status of a TrainingJob."""
        return dict(self.job(name).get("status", {}))

    def pods(self, name: str) -> dict[str, Object]:
        """Return the pods of a TrainingJob by name."""
        text = self.kubectl("get", "pods", "-l", f"trainingjob.dev/job={name}", "-o", "json")
        return {pod["metadata"]["name"]: pod for pod in json.loads(text)["items"]}

    def jobs(self) -> list[Object]:
        """Return all TrainingJobs of the namespace."""
        found: list[Object] = json.loads(self.kubectl("get", "trainingjobs.trainingjob.dev", "-o", "json"))["items"]
        return found

    def phases(self) -> dict[str, str]:
        """Return the phases of all TrainingJobs of the namespace by name."""
        return {job["metadata"]["name"]: job["status"].get("phase", "") for job in self.jobs()}

    def all_pods(self) -> list[Object]:
        """Return the pods of all TrainingJobs of the namespace."""
        found: list[Object] = json.loads(self.kubectl("get", "pods", "-l", "trainingjob.dev/job", "-o", "json"))[
            "items"
        ]
        return found

    def wait_for_phase(self, name: str, *phases: str, seconds: float = 120) -> Object:
        """Wait until a TrainingJob is in one of the phases and return its status."""
        return wait_until(lambda: self.status(name), lambda status: status.get("phase") in phases, seconds)

    def wait_for_reason(self, name: str, reason: str, *, seconds: float = 120) -> Object:
        """Wait until a TrainingJob's status has the reason and return the status."""
        return wait_until(lambda: self.status(name), lambda status: status.get("reason") == reason, seconds)

    def wait_until_observed(self, name: str) -> None:
        """Wait until the operator has taken note of the newest spec of a TrainingJob."""
        wait_until(lambda: self.job(name), _is_observed, 60)

    def define(self, definition: str) -> None:
        """Apply a definition of TrainingJobs and wait until kubectl knows them."""
        self.kubectl("apply", "-f", definition)
        # `kubectl wait` fails on a definition so new that it has no conditions at all.
        wait_until(self._knows_jobs, bool, 60)

    def _knows_jobs(self) -> bool:
        try:
            self.kubectl("get", "tjob")
        except RefusedError:
            return False
        return True

    def wait_finished(self, name: str, *, seconds: float) -> Object:
        """Wait as users do, by the condition Finished, and return the status."""
        try:
            self.kubectl("wait", "--for=condition=Finished", f"tjob/{name}", f"--timeout={int(seconds)}s")
        except RefusedError as error:
            raise RefusedError(f"{error}\n{self.account(name)}") from None
        return self.status(name)

    def account(self, name: str) -> str:
        """Return what a person looks at who wonders about a TrainingJob: it, its pods, and what they have printed."""
        told = []
        for words in (("describe", "tjob", name), ("describe", "pods", "-l", f"trainingjob.dev/job={name}")):
            told.append(self.kubectl(*words))
        for pod in self.pods(name):
            try:
                told.append(self.kubectl("logs", pod, "--all-containers", "--prefix", "--tail=20"))
            except RefusedError as error:  # it has not begun
                told.append(str(error))
        return "\n".join(told)

    def wait_until_pods(self, name: str, good: Callable[[dict[str, Object]], bool], *, seconds: float = 120) -> None:
        """Wait until the pods of a TrainingJob are as they should be."""
        wait_until(lambda: self.pods(name), good, seconds)

    def wait_for_pods(self, name: str, expected: set[str], *, seconds: float = 120) -> None:
        """Wait until exactly these pods of a TrainingJob exist."""
        self.wait_until_pods(name, lambda pods: set(pods) == expected, seconds=seconds)


def _is_observed(job: Object) -> bool:
    return bool(job["status"]["observedGeneration"] == job["metadata"]["generation"])


def wait_until(read: Callable[[], T], good: Callable[[T], bool], seconds: float, pause: float = 0.3) -> T:
    """Read again and again, with pauses in between, until what is read is good, and return it.

    Raises:
        TimeoutError: when it is not good in time; the text shows what was read last.
    """
    deadline = time.monotonic() + seconds
    while not good(value := read()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not reached within {seconds:.0f} s; the last reading: {str(value)[:3000]}")
        time.sleep(pause)
    return value
