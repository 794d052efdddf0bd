"""The parts that replicas play."""

from enum import StrEnum


class Role(StrEnum):
    """The part that a replica plays."""

    CHIEF = "chief"
    WORKER = "worker"
    PS = "ps"
    EVALUATOR = "evaluator"
    LAUNCHER = "launcher"
