"""TensorFlow with parameter servers: workers, servers, and a chief and an evaluator where asked for."""

from dataclasses import replace

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import ParameterServer, Role
from trainingjob.plan.layout import Layout, count_roles
from trainingjob.plan.tensorflow import lay_out_tensorflow


def lay_out_parameter_server(job: TrainingJob, strategy: ParameterServer) -> Layout:
    """Return the layout of a parameter-server job; the chief decides its end, without one worker 0.

    Raises:
        PlanRefusedError: when no process could be started with its TF_CONFIG.
    """
    counts = count_roles(
        chief=strategy.chief, workers=strategy.workers, servers=strategy.servers, evaluator=strategy.evaluator
    )
    layout = lay_out_tensorflow(job, counts)
    # Workers come and go; what the servers hold and what the chief has begun is lost with them.
    return replace(layout, restarts_alone=lambda role: role in (Role.WORKER, Role.EVALUATOR))
