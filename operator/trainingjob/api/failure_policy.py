"""What a job does about the end of a replica, where its strategy's default is not what the user wants."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from trainingjob.api.base import Model
from trainingjob.api.lists import ATOMIC
from trainingjob.api.roles import Role

MAX_EXIT_CODE = 255

ExitCode = Annotated[int, Field(ge=1, le=MAX_EXIT_CODE)]
Reason = Annotated[str, Field(min_length=1, max_length=253)]


class FailureAction(StrEnum):
    """What happens when a rule matches."""

    FAIL_JOB = "FailJob"
    RESTART_JOB = "RestartJob"
    RESTART_REPLICA = "RestartReplica"
    IGNORE = "Ignore"


class ExitCodeRange(Model):
    """Exit codes from one to another, both included."""

    first: ExitCode = Field(alias="from", description="The first exit code.")
    last: ExitCode = Field(alias="to", description="The last exit code.")

    def __contains__(self, code: int) -> bool:
        """Say whether an exit code is one of them."""
        return self.first <= code <= self.last


class ExitCodes(Model):
    """A condition on the exit code of the program; one that has none, or that succeeded, fulfils no such condition."""

    operator: Literal["In", "NotIn"] = Field(description="Whether it must be one of these or none of them.")
    values: Annotated[list[ExitCode], Field(min_length=1, max_length=MAX_EXIT_CODE), ATOMIC] | None = Field(
        None, description="Exit codes."
    )
    ranges: Annotated[list[ExitCodeRange], Field(min_length=1, max_length=20), ATOMIC] | None = Field(
        None, description="Ranges of exit codes."
    )

    def match(self, code: int | None) -> bool:
        """Say whether an exit code fulfils the condition."""
        if not code:
            return False
        named = code in (self.values or ()) or any(code in codes for codes in self.ranges or ())
        return named == (self.operator == "In")


class PodConditionPattern(Model):
    """A condition that a pod has."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(
        description="The condition's type, such as DisruptionTarget."
    )
    status: Literal["True", "False", "Unknown"] = Field("True", description="The condition's status.")
    reason: Reason | None = Field(
        None, description="The condition's reason, such as PreemptionByScheduler; any when not given."
    )


class FailureRule(Model):
    """A rule that matches some ends of a replica: by exit code, by the pod's conditions or by the reason."""

    action: FailureAction = Field(
        description="FailJob: the job fails at once. RestartJob: every replica starts anew. RestartReplica: this one "
        "alone; not with mpi, multiWorker, torch that is not elastic, or kueue. Both count as the failure's class "
        "does. Ignore: as if the cluster had caused it, so that it counts against maxDisruptions alone.",
    )
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role)), ATOMIC] | None = Field(
        None, description="The roles that the rule speaks of; all when not given."
    )
    on_exit_codes: ExitCodes | None = Field(
        None, description="Matches by the exit code of a program that nobody else has ended."
    )
    on_pod_conditions: Annotated[list[PodConditionPattern], Field(min_length=1, max_length=20), ATOMIC] | None = Field(
        None, description="Matches when the pod has one of these conditions."
    )
    on_reason: Annotated[list[Reason], Field(min_length=1, max_length=20), ATOMIC] | None = Field(
        None, description="Matches when status.failures gives one of these reasons, such as OOMKilled or Evicted."
    )


class FailurePolicy(Model):
    """Rules of which the first that matches decides."""

    rules: Annotated[list[FailureRule], Field(max_length=20), ATOMIC] = Field(
        description="The rules; where none matches, the strategy's default decides."
    )
