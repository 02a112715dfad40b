"""Training jobs: processes on this machine, with SageMaker's contract for /opt/ml.

An image is not run: the program that the hyperparameters name is downloaded from its archive in S3
and run by the Python of the training environment.
"""
