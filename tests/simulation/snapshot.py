"""Snapshots of what a root refers to: all of it can be made again as it was, in place, as often as one likes."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any, Final

from tests.simulation.errors import SimulationError
from tests.simulation.loop import Task
from tests.simulation.memo import Memo
from tests.simulation.scopes import Scope
from trainingjob.api.job import TrainingJob
from trainingjob.controller.kube_errors import KubeError
from trainingjob.controller.settings import Settings
from trainingjob.plan import PlanOptions
from trainingjob.reconcile import ObservedPod, ObservedService, Refusal
from trainingjob.testing import Change, Write

_CONSTANT: Final = frozenset(
    {
        *(NoneType, bool, int, float, str, bytes, datetime, type, BuiltinFunctionType),
        *(Memo, Scope, Settings, PlanOptions, TrainingJob, ObservedPod, ObservedService, Refusal, Change, Write),
        # One that is done does nothing any more, and a snapshot is taken when all are.
        Task,
    }
)
"""Types of what never changes, or changes nothing that happens."""


class Snapshot:
    """The state of everything that a root refers to."""

    def __init__(self, root: object, constant: Iterable[object]) -> None:
        """Take a snapshot; what is among `constant`, or stands within it, never changes.

        Raises:
            SimulationError: when something changes in a way that cannot be undone.
        """
        self._attributes: list[tuple[dict[str, object], dict[str, object]]] = []
        self._slots: list[tuple[object, list[tuple[str, Any]]]] = []
        self._lists: list[tuple[list[Any], list[Any]]] = []
        self._others: list[tuple[dict[Any, Any] | set[Any], dict[Any, Any] | set[Any]]] = []
        self._deques: list[tuple[deque[Any], list[Any]]] = []
        # What is kept here keeps its id.
        seen: dict[int, object] = {id(thing): thing for thing in constant}
        left: list[Any] = [root]
        while left:
            thing = left.pop()
            if type(thing) not in _CONSTANT and id(thing) not in seen:
                seen[id(thing)] = thing
                left.extend(self._take(thing))

    def _take(self, thing: Any) -> Iterable[object]:
        """Save the state of one object and return what it refers to."""
        match thing:
            case tuple():
                return iter(thing)
            case list():
                self._lists.append((thing, thing.copy()))
                return iter(thing)
            case dict():
                self._others.append((thing, thing.copy()))
                return thing.values()
            case set():
                self._others.append((thing, thing.copy()))
                return thing
            case deque():
                self._deques.append((thing, list(thing)))
                return thing
            case MethodType():
                return (thing.__self__,)
            case partial():
                return thing.func, *thing.args, *thing.keywords.values()
            case FunctionType():
                return [cell.cell_contents for cell in thing.__closure__ or ()]
            case KubeError():
                return ()
        return self._take_instance(thing)

    def _take_instance(self, thing: Any) -> Iterable[object]:
        if hasattr(thing, "__dict__"):
            attributes: dict[str, object] = vars(thing)
            self._attributes.append((attributes, attributes.copy()))
            return attributes.values()
        names = getattr(type(thing), "__slots__", None)
        if names is None:
            raise SimulationError(f"a {type(thing).__name__} cannot be made again as it was")
        slots = [(name, getattr(thing, name)) for name in names]
        if not getattr(getattr(thing, "__dataclass_params__", None), "frozen", False):
            self._slots.append((thing, slots))
        return [value for _, value in slots]

    def restore(self) -> None:
        """Make everything again as it was; what has come since is referred to by nothing any more."""
        # No object gets or loses attributes after it was made.
        for attributes, values in self._attributes:
            attributes.update(values)
        for thing, slots in self._slots:
            for name, value in slots:
                setattr(thing, name, value)
        for items, were in self._lists:
            items[:] = were
        for held, before in self._others:
            held.clear()
            held.update(before)
        for queue, waiting in self._deques:
            queue.clear()
            queue.extend(waiting)
