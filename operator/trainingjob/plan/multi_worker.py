"""TensorFlow with workers that reduce among themselves, and a chief and an evaluator where asked for."""

from trainingjob.api.job import TrainingJob
from trainingjob.api.spec import MultiWorker
from trainingjob.plan.layout import Layout, count_roles
from trainingjob.plan.tensorflow import lay_out_tensorflow


def lay_out_multi_worker(job: TrainingJob, strategy: MultiWorker) -> Layout:
    """Return the layout of a multi-worker job; the chief decides its end, without one worker 0.

    Raises:
        PlanRefusedError: when no process could be started with its TF_CONFIG.
    """
    counts = count_roles(chief=strategy.chief, workers=strategy.workers, evaluator=strategy.evaluator)
    return lay_out_tensorflow(job, counts)
