"""AWS Step Functions on one laptop: see `service.py`, then `engine/engine.py`."""

from localcloud.stepfunctions.service import StepFunctionsService

__all__ = ["StepFunctionsService"]
