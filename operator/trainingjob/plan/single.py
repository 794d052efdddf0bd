"""No strategy: one pod, which is told of nobody else."""

from trainingjob.api.spec import Role
from trainingjob.plan.layout import Layout, count_roles


def lay_out_single() -> Layout:
    """Return the layout of a job without a strategy: one worker."""
    return Layout(counts=count_roles(workers=1), primary=Role.WORKER, tell=lambda _role, _index: [])
