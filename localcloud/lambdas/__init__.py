"""AWS Lambda on one laptop: functions in processes, one for each concurrent invocation."""

from localcloud.lambdas.service import LambdaService
from localcloud.lambdas.spec import FunctionSpec

__all__ = ["FunctionSpec", "LambdaService"]
