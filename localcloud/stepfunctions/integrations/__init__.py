"""What a Task can ask for: one file a service, and `aws_sdk` for all the others.

A new integration is a class like those here and one line in `registry.py`; one whose jobs
take time (SageMaker, Bedrock) also says how to follow and stop a job.
"""
