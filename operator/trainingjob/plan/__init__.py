"""From a job to the children it should have: pure functions, the same job gives the same bytes."""

from trainingjob.plan.model import KeySecret, Manifest, Plan, PlanOptions, PlanRefusedError, Replica
from trainingjob.plan.planner import plan_job

__all__ = ["KeySecret", "Manifest", "Plan", "PlanOptions", "PlanRefusedError", "Replica", "plan_job"]
