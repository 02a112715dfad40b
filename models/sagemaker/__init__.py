"""Requests to SageMaker: jobs, tunings, the archive of their code, and costs. No torch."""
