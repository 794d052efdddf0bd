"""What holds of every job, whatever happens to it: random lives, played with every order of steps."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.builders import CREATED, make_job
from tests.support.world import World
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import Children, MainContainer, ObservedPod, reconcile
from trainingjob.reconcile.replicas import State, judge

SPECS: tuple[dict[str, Any], ...] = (
    {},
    {"parameterServer": {"workers": 2, "servers": 1}},
    {"parameterServer": {"workers": 1, "servers": 1, "chief": True, "evaluator": True}, "evaluatorGraceSeconds": 30},
    {"multiWorker": {"workers": 2}, "successPolicy": "AllWorkers", "cleanPodPolicy": "All"},
    {"mpi": {"nodes": 2}, "command": ["python", "x.py"], "maxRestarts": 1},
    {"multiWorker": {"workers": 2}, "maxRestarts": 0, "maxDisruptions": 1, "activeDeadlineSeconds": 100},
    {"torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 2}}, "command": ["python", "x.py"]},
)
EXIT_CODES = st.sampled_from([0, 0, 1, 137])


class Life(RuleBasedStateMachine):
    """One job under the hands of a kubelet, a user and an operator that looks only now and then."""

    world: World

    @initialize(spec=st.sampled_from(SPECS))
    def apply(self, spec: dict[str, Any]) -> None:
        self.world = World(make_job(spec=spec))
        self.end: str | None = None
        self.created_by_end: list[str] = []
        self.succeeded: set[str] = set()
        self.runs: object = None
        self.counters = (0, 0, 0)

    @rule()
    def operator_looks(self) -> None:
        before = len(self.world.created)
        was_finished = self.world.job.status.finished
        self.world.step()
        created = self.world.created[before:]
        spec = self.world.job.spec
        if was_finished or (spec and spec.suspend):
            assert created == []
        self._counted_rightly()
        if self.runs != (
            run := (self.world.job.status.attempt, self.world.job.status.suspended_seconds, self.resumed())
        ):
            self.runs, self.succeeded = run, set()
        assert not self.succeeded & set(created)
        self.succeeded |= {
            f"{self.world.job.name}-{role}-{index}"
            for role, counts in (self.world.job.status.replicas or {}).items()
            for index in range(counts.desired)
            if counts.succeeded_indexes and str(index) in counts.succeeded_indexes
        }

    def resumed(self) -> object:
        """Return when the job was last resumed: every replica begins anew then."""
        suspended = self.world.condition("Suspended")
        return suspended and (suspended.status, suspended.last_transition_time)

    def _counted_rightly(self) -> None:
        status, spec = self.world.job.status, self.world.job.spec
        assert spec is not None
        counters = status.attempt or 0, status.restarts or 0, status.disruptions or 0
        assert all(now >= before for now, before in zip(counters, self.counters, strict=True))
        assert counters[0] <= counters[1] + counters[2]
        assert counters[1] <= spec.max_restarts
        assert counters[2] <= spec.max_disruptions
        self.counters = counters

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(seconds=st.sampled_from([-3600, 3600]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.world.wait(seconds)

    @rule(data=st.data())
    def a_program_starts(self, data: st.DataObject) -> None:
        if waiting := [name for name, pod in self.world.pods.items() if judge(pod) is State.WAITING]:
            self.world.start(data.draw(st.sampled_from(waiting)))

    @rule(data=st.data(), exit_code=EXIT_CODES)
    def a_program_ends(self, data: st.DataObject, exit_code: int) -> None:
        if running := [name for name, pod in self.world.pods.items() if judge(pod) is State.RUNNING]:
            self.world.end(data.draw(st.sampled_from(running)), exit_code)

    @rule(data=st.data())
    def a_pod_is_deleted_by_its_user(self, data: st.DataObject) -> None:
        if self.world.pods:
            self.world.change(data.draw(st.sampled_from(sorted(self.world.pods))), deleting=True)

    @rule(data=st.data())
    def a_pod_vanishes(self, data: st.DataObject) -> None:
        if self.world.pods:
            del self.world.pods[data.draw(st.sampled_from(sorted(self.world.pods)))]

    @rule()
    def the_kubelet_finishes_deletions(self) -> None:
        self.world.stop_deleted()

    @rule(suspend=st.booleans())
    def the_user_suspends_or_resumes(self, suspend: bool) -> None:
        self._change(suspend=suspend)

    @precondition(lambda self: hasattr(self, "world") and self.world.job.status.attempt == 1)
    @rule()
    def the_user_cancels(self) -> None:
        self._change(cancel=True)

    def _change(self, **fields: bool) -> None:
        job = self.world.job
        assert job.spec is not None
        spec = job.spec.model_copy(update=fields)
        self.world.job = replace(job, spec=spec, generation=job.generation + 1)

    @rule()
    def the_service_is_deleted(self) -> None:
        self.world.services.clear()

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def an_end_never_changes_and_there_is_one(self) -> None:
        status = self.world.job.status
        if self.end is not None:
            assert status.phase == self.end
        if status.finished:
            self.end = str(status.phase)
            verdicts = [kind for kind in ("Succeeded", "Failed") if self.world.holds(kind)]
            assert verdicts == [kind for kind in [self.end] if kind != "Cancelled"]
            assert self.world.holds("Finished")
            assert status.completion_time is not None

    def teardown(self) -> None:
        """Let everything come to rest: then a further look writes nothing."""
        if hasattr(self, "world"):
            self._come_to_rest()
            patches = self.world.patches
            self.world.settle()
            assert self.world.patches == patches

    def _come_to_rest(self) -> None:
        for _ in range(3):
            self.world.settle()
            self.world.stop_deleted()
            self.world.wait(400)
        self.world.settle()
        if self.world.job.status.finished or self.world.phase in ("Suspended", "Cancelled"):
            ended = self.world.phase in ("Suspended", "Cancelled")
            assert not (ended and any(judge(pod) in (State.WAITING, State.RUNNING) for pod in self.world.pods.values()))


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase

MOMENTS = st.integers(0, 60).map(lambda seconds: CREATED + timedelta(seconds=seconds))
MAINS = st.one_of(
    st.just(MainContainer()),
    st.builds(lambda at: MainContainer(started=at), MOMENTS),
    st.builds(lambda at, code: MainContainer(started=CREATED, ended=at, exit_code=code), MOMENTS, EXIT_CODES),
)


def pod(name: str, main: MainContainer) -> ObservedPod:
    """Return a pod of the job in the given state."""
    world = World(make_job())
    return replace(world.a_pod(name, world.job.uid), uid=name, main=main)


@given(mains=st.lists(MAINS, min_size=3, max_size=3), order=st.permutations(range(3)))
def test_order_in_which_pods_were_seen_changes_no_decision(mains: list[MainContainer], order: list[int]) -> None:
    job = make_job(parameterServer={"workers": 2, "servers": 1})
    pods = [pod(f"mnist-{name}", main) for name, main in zip(("worker-0", "worker-1", "ps-0"), mains, strict=True)]
    now = CREATED + timedelta(minutes=5)
    first = reconcile(job, Children(tuple(pods)), now, PlanOptions())
    second = reconcile(job, Children(tuple(pods[i] for i in order)), now, PlanOptions())
    assert (first.status, first.actions, first.wake) == (second.status, second.actions, second.wake)
