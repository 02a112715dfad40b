"""SageMaker: training jobs; models, endpoints, invocations and their scaling.

An endpoint is one process here, whatever its instances: `models/serving` on the handler in the
model's package. Images are not run, and an accelerator is stood in for by the CPU.
"""

from localcloud.sagemaker.runtime import SageMakerRuntimeService
from localcloud.sagemaker.scaling import AutoScalingService
from localcloud.sagemaker.service import SageMakerService

__all__ = ["AutoScalingService", "SageMakerRuntimeService", "SageMakerService"]
