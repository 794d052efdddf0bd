"""TrainingJob: run training programs on Kubernetes and tell honestly what became of them."""

from trainingjob._metrics import log

__all__ = ["log"]
