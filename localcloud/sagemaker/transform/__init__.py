"""SageMaker's batch transform jobs: a model's container asked about every object of an input."""
