"""For tests around the operator: a model of the API server, and a judge of what the operator promises."""

from trainingjob.testing.client import ModelClient, Perform, Request, Travel, straight
from trainingjob.testing.garbage import Garbage
from trainingjob.testing.objects import Body, Change, counted_uids
from trainingjob.testing.server import ModelServer
from trainingjob.testing.watch import Watch

__all__ = [
    "Body",
    "Change",
    "Garbage",
    "ModelClient",
    "ModelServer",
    "Perform",
    "Request",
    "Travel",
    "Watch",
    "counted_uids",
    "straight",
]
