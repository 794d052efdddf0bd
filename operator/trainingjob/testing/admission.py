"""What the API server does to a TrainingJob before it stores it: defaults, generation, what may change.

The rules of a *valid* spec are not modelled: whoever stores a job here sees to it that the real server would take it.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from trainingjob.api.crd import resource_schema
from trainingjob.api.job_rules import MUTABLE, MUTABLE_WHILE_SUSPENDED, REPLICAS
from trainingjob.api.status import Phase
from trainingjob.controller.kube import JOBS
from trainingjob.testing.objects import Body
from trainingjob.testing.refusals import invalid


class _Defaults(NamedTuple):
    """The part of a schema that has defaults."""

    values: Mapping[str, Any]
    """The defaults of an object's fields."""
    inner: Mapping[str, "_Defaults"]
    """What stands within the fields."""
    items: "_Defaults | None"
    """What stands within each item, of a list."""


def admit_new(body: Body) -> Body:
    """Return a new job as it is stored: with defaults, and without a status of its maker's."""
    metadata = {**body["metadata"], "generation": 1}
    rest = {name: value for name, value in body.items() if name != "status"}
    return _with_defaults({**rest, "metadata": metadata})


def admit_change(before: Body, after: Body) -> Body:
    """Return a changed job as it is stored: a changed spec has a new generation, the status stays as it was.

    Raises:
        RefusedError: when something changes that never may, or only while the job is suspended.
    """
    after = {**after, "status": before["status"]}
    if after.get("spec") == before["spec"]:
        return {**after, "spec": before["spec"]}
    after = _with_defaults(after)
    if after["spec"] == before["spec"]:
        return {**after, "spec": before["spec"]}
    if broken := next(_broken(before, before["spec"], after["spec"]), ""):
        raise invalid(JOBS, before["metadata"]["name"], f"spec: {broken} cannot change")
    metadata = {**after["metadata"], "generation": before["metadata"]["generation"] + 1}
    return {**after, "metadata": metadata}


def admit_status(before: Body, after: Body) -> Body:
    """Return a job whose status was written: nothing else of it changes."""
    defaults = _job_defaults()
    status = after["status"] if after.get("status") else defaults.values["status"]
    return {**before, "status": _filled(status, defaults.inner["status"])}


def _broken(job: Body, was: Body, now: Body) -> Iterator[str]:
    """Yield what of a spec has changed and may not."""
    suspended = was.get("suspend") and job["status"].get("phase") == Phase.SUSPENDED
    if was.get("cancel") and not now.get("cancel"):
        yield "cancel"
    if _asks_too_late(job["status"], was.get("tensorboard"), now.get("tensorboard")):
        yield "tensorboard"
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name), now.get(name)
        if old == new or name in MUTABLE or (suspended and name in MUTABLE_WHILE_SUSPENDED):
            continue
        if name not in REPLICAS or old is None or new is None:
            yield name
            continue
        free = suspended or "elastic" in new
        changed = {inner for inner in old.keys() | new.keys() if old.get(inner) != new.get(inner)}
        yield from sorted(f"{name}.{inner}" for inner in changed if not (free and inner in REPLICAS[name]))


def _asks_too_late(status: Body, was: Body | None, now: Body | None) -> bool:
    """Say whether a TensorBoard is asked for that nobody creates any more."""
    ended = "ending" in status or status.get("phase") in [phase.value for phase in Phase if phase.terminal]
    return bool(now and now["enabled"] and now != was and ended and "tensorboard" not in status)


def _with_defaults(job: Body) -> Body:
    filled: Body = _filled(job, _job_defaults())
    return filled


@cache
def _job_defaults() -> _Defaults:
    return _defaults(resource_schema())


def _defaults(schema: Body) -> _Defaults:
    values, inner = {}, {}
    for name, field in (schema.get("properties") or {}).items():
        if "default" in field:
            values[name] = field["default"]
        if any(below := _defaults(field)):
            inner[name] = below
    items = _defaults(schema["items"]) if "items" in schema else None
    return _Defaults(values, inner, items if items and any(items) else None)


def _filled(value: Any, defaults: _Defaults) -> Any:
    """Return a value with the defaults for what it leaves out; without effect the value itself."""
    if isinstance(value, list):
        items = defaults.items
        return [_filled(item, items) for item in value] if items else value
    if not isinstance(value, dict):
        return value
    values, result = defaults.values, value
    if not values.keys() <= value.keys():
        result = {**value, **{name: given for name, given in values.items() if name not in value}}
    for name, below in defaults.inner.items():
        if name in result and (filled := _filled(result[name], below)) is not result[name]:
            result = {**result, name: filled}
    return result
