"""TrainingJob: run training programs on Kubernetes and tell honestly what became of them."""
