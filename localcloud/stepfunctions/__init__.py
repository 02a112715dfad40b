"""AWS Step Functions: see `service.py`, then `engine/execution_engine.py`."""

from localcloud.stepfunctions.service import StepFunctionsService

__all__ = ["StepFunctionsService"]
