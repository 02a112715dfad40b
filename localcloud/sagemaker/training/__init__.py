"""SageMaker's training jobs: real processes on this machine, by the contract under /opt/ml.

An image is not run: the program that the job's hyperparameters name is, from its archive in S3, by
the Python of the training environment.
"""
