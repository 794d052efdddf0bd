"""What a run with faults must have in common with the run of the same schedule without them.

Compared is always: that the run comes to rest without a violation. Compared besides, where `is_comparable` says so: the
end of the job (phase, counters, failures, conditions), its children, and how many pods, Services, ConfigMaps and
Secrets were created and deleted under each name. Not compared are times, uids, versions and sentences, and how often a
TensorBoard was made: a job that is stopped as soon as it runs may have had none.

Demanded is besides, wherever no program fails by itself: that no restart was spent, whatever the cluster did.

Comparable is a schedule in a calm scope (no program fails by itself, and for twelve seconds after the job runs nothing
happens by itself) whose incidents all follow the word Running in the stored status, with one fault that holds the
operator up for four seconds at most. Elsewhere something happens at a moment that does not depend on the operator while
faults make it late, and then another outcome may be the right one: those runs are judged by the invariants alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.scopes import BOARD, SCOPES
from trainingjob.api.constants import LABEL_ATTEMPT
from trainingjob.controller.kube import CONFIG_MAPS, DEPLOYMENTS, JOBS, PODS, SECRETS, SERVICES
from trainingjob.testing import Body, ModelServer

if TYPE_CHECKING:
    from tests.simulation.schedule import Incident, Schedule
    from tests.simulation.simulation import Run

LONGEST_DELAY: Final = 4.0
"""Seconds for which a fault may hold the operator up in a comparable run."""
AFTER_START: Final = "phase:Running"
_ANSWERED: Final = frozenset(
    {
        *("suspend", "toggle", "cancel", "delete-job", "replace-job"),
        *("end", "oom", "evict", "preempt", "drain", "delete-pod", "lose-node", "hide-pod"),
    }
)
_OF_PROGRAMS: Final = frozenset({"end", "oom"})
_LASTING: Final = 10.0
"""Seconds after which a suspension has been seen, however late the operator is."""
_CHILDREN: Final = (PODS, SERVICES, CONFIG_MAPS, SECRETS, DEPLOYMENTS)
_COUNTED: Final = ("phase", "attempt", "restarts", "disruptions")
_FAILURE: Final = ("pod", "attempt", "exitCode", "reason", "class")


def end_of(server: ModelServer) -> Mapping[str, Any]:
    """Return what is left and what was made on the way, in a form that two runs can be compared in."""
    changes = [c for c in server.changes if c.kind != "MODIFIED" and c.body["metadata"]["name"] != BOARD]
    made = Counter((c.kind, c.resource, _name(c.resource, c.body)) for c in changes)
    return {
        "jobs": {body["metadata"]["name"]: _job(body) for body in server.objects(JOBS)},
        "children": sorted(
            (resource.plural, _name(resource.plural, body), *_child(body))
            for resource in _CHILDREN
            for body in server.objects(resource)
        ),
        "made": dict(made),
    }


def is_comparable(schedule: "Schedule") -> bool:
    """Say whether the faults of a schedule may change nothing but times; see the module."""
    faults = [incident for incident in schedule.incidents if incident.kind == "fault"]
    if not SCOPES[schedule.scope].calm or len(faults) > 1 or any((i.value or 0) > LONGEST_DELAY for i in faults):
        return False
    return all(_is_answered(incident) for incident in schedule.incidents if incident.kind != "fault")


def _is_answered(incident: "Incident") -> bool:
    """Say whether the operator answers something in the same way however late it hears of it."""
    if incident.kind == "toggle" and incident.value < _LASTING:
        return False
    return incident.when == AFTER_START and incident.kind in _ANSWERED


def has_comparable_end(schedule: "Schedule") -> bool:
    """Say whether the end of a schedule's run is compared with anything."""
    undisturbed = all(incident.kind == "fault" for incident in schedule.incidents)
    return undisturbed or _no_program_fails(schedule) or is_comparable(schedule)


def differences(reference: "Run", run: "Run") -> Iterator[str]:
    """Yield in what a run with faults ends unlike the one without."""
    if not (is_comparable(run.schedule) and is_comparable(reference.schedule)):
        return
    yield from _unequal(reference, run)


def unexpected(run: "Run") -> Iterator[str]:
    """Yield how a job that nobody has interfered with ends otherwise than its scope says, faults or not."""
    expected = SCOPES[run.schedule.scope].outcome
    if not expected or any(i.kind != "fault" or (i.value or 0) > LONGEST_DELAY for i in run.schedule.incidents):
        return
    for name, found in run.end["jobs"].items():
        if found["phase"] != expected:
            yield f"job {name} should be {expected} and is {found['phase']}"


def overcharged(run: "Run") -> Iterator[str]:
    """Yield which jobs have spent restarts although no program has failed but for want of another's pod."""
    if not _no_program_fails(run.schedule):
        return
    for name, found in run.end["jobs"].items():
        if found["restarts"]:
            yield f"job {name} has spent {found['restarts']} restarts on what the cluster did"


def _no_program_fails(schedule: "Schedule") -> bool:
    """Say whether every program runs to its end if only the cluster lets it."""
    return SCOPES[schedule.scope].calm and not any(i.kind in _OF_PROGRAMS for i in schedule.incidents)


def _unequal(reference: "Run", run: "Run") -> Iterator[str]:
    for part, expected in reference.end.items():
        if run.end[part] != expected:
            yield f"{part} differ from the run without faults: {_difference(expected, run.end[part])}"


def _difference(expected: Any, found: Any) -> str:
    if isinstance(expected, dict):
        keys = [key for key in {**expected, **found} if expected.get(key) != found.get(key)]
        return "; ".join(f"{key}: {expected.get(key)} became {found.get(key)}" for key in keys)
    return f"{expected} became {found}"


def _name(plural: str, body: Body) -> str:
    # The names of the others carry a uid, which depends on how much was created before.
    return body["metadata"]["name"] if plural in ("pods", "services", "trainingjobs") else ""


def _job(body: Body) -> dict[str, Any]:
    status = body["status"]
    failures = [tuple(failure.get(name) for name in _FAILURE) for failure in status.get("failures") or ()]
    return {
        **{name: status.get(name) for name in _COUNTED},
        "failures": sorted(failures, key=repr),
        "conditions": sorted(c["type"] for c in status.get("conditions") or () if c["status"] == "True"),
        "succeeded": {role: found.get("succeededIndexes") for role, found in (status.get("replicas") or {}).items()},
    }


def _child(body: Body) -> tuple[str, ...]:
    metadata = body["metadata"]
    attempt = (metadata.get("labels") or {}).get(LABEL_ATTEMPT, "")
    return attempt, (body.get("status") or {}).get("phase", ""), str("deletionTimestamp" in metadata)
