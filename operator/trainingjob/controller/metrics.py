"""Figures for Prometheus; none carries the name of a job, so that their number does not grow with the jobs."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from trainingjob.api.job import TrainingJob
from trainingjob.api.status import Phase
from trainingjob.controller.version import VERSION

_LIFE_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_PASS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_NEW: Final = "New"


class Metrics:
    """All figures of one operator, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._creation = Histogram(
            "trainingjob_pods_created_seconds",
            "From a job's creation to that of the last of its pods.",
            buckets=_LIFE_SECONDS,
            registry=self.registry,
        )
        self._start = Histogram(
            "trainingjob_running_seconds",
            "From a job's creation to the moment when the program of every replica had started.",
            buckets=_LIFE_SECONDS,
            registry=self.registry,
        )
        self._passes = Histogram(
            "trainingjob_reconcile_seconds",
            "How long one pass over one job took, by what became of it.",
            ["result"],
            buckets=_PASS_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "trainingjob_api_requests",
            "Requests to the API server; the code is none where no answer came.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self._restarts = Counter(
            "trainingjob_watch_restarts",
            "Ends of watches, by why; ended is the ordinary end after some minutes.",
            ["resource", "reason"],
            registry=self.registry,
        )
        self._dropped = Counter(
            "trainingjob_events_dropped", "Kubernetes Events that were not written.", registry=self.registry
        )
        self._leader = Gauge(
            "trainingjob_is_leader", "1 where this process holds the lease and acts, else 0.", registry=self.registry
        )
        build = Gauge("trainingjob_build_info", "Always 1.", ["version"], registry=self.registry)
        build.labels(VERSION).set(1)

    def all_created(self, seconds: float) -> None:
        """Note how long after a job's creation its last pod was created."""
        self._creation.observe(max(0.0, seconds))

    def started(self, seconds: float) -> None:
        """Note how long after a job's creation its programs had started."""
        self._start.observe(max(0.0, seconds))

    def passed(self, result: str, seconds: float) -> None:
        """Note the end of a pass over a job."""
        self._passes.labels(result).observe(seconds)

    def requested(self, verb: str, resource: str, code: str) -> None:
        """Note a request to the API server."""
        self._requests.labels(verb, resource, code).inc()

    def restarted(self, resource: str, reason: str) -> None:
        """Note the end of a watch."""
        self._restarts.labels(resource, reason).inc()

    def event_dropped(self) -> None:
        """Note a Kubernetes Event that was not written."""
        self._dropped.inc()

    def follow_lease(self, held: Callable[[], bool]) -> None:
        """Take from its source whether this process holds the lease, whenever somebody asks."""
        self._leader.set_function(lambda: float(held()))

    def follow(self, jobs: Callable[[], Iterable[TrainingJob]], depth: Callable[[], int]) -> None:
        """Take the counts of jobs and of waiting keys from their sources whenever somebody asks."""
        self.registry.register(_Counts(jobs, depth))


class _Counts(Collector):
    def __init__(self, jobs: Callable[[], Iterable[TrainingJob]], depth: Callable[[], int]) -> None:
        self._jobs = jobs
        self._depth = depth

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = Tally(str(job.status.phase or _NEW) for job in self._jobs())
        phases = GaugeMetricFamily("trainingjob_jobs", "Jobs by phase.", labels=["phase"])
        for phase in (_NEW, *Phase):
            phases.add_metric([str(phase)], found[str(phase)])
        yield phases
        yield GaugeMetricFamily("trainingjob_queue_depth", "Jobs that wait for a worker.", value=self._depth())
