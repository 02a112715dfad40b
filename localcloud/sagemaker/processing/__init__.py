"""SageMaker's processing jobs: a program on inputs from S3, with outputs that go back there."""
