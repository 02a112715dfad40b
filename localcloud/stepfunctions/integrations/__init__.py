"""Service integrations: one module for each optimised one, and `aws_sdk` for all others.

A new integration is a class like those here and one line in `registry.py`. One with jobs
(SageMaker, Step Functions) also polls and cancels them.
"""
