"""For tests around the operator: a model of the API server, and a judge of what the operator promises."""

from trainingjob.testing.client import ModelClient, Perform, Request, Travel, straight
from trainingjob.testing.garbage import Garbage
from trainingjob.testing.invariants import Judge, Violation
from trainingjob.testing.merge import Merge
from trainingjob.testing.objects import Body, Change, counted_uids
from trainingjob.testing.server import ModelServer
from trainingjob.testing.watch import Watch
from trainingjob.testing.writes import Write

__all__ = [
    "Body",
    "Change",
    "Garbage",
    "Judge",
    "Merge",
    "ModelClient",
    "ModelServer",
    "Perform",
    "Request",
    "Travel",
    "Violation",
    "Watch",
    "Write",
    "counted_uids",
    "straight",
]
