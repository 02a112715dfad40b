"""AWS Lambda on one laptop: a process for each concurrent invocation, as in a sandbox of AWS."""

from localcloud.lambdas.service import LambdaService
from localcloud.lambdas.spec import FunctionSpec

__all__ = ["FunctionSpec", "LambdaService"]
