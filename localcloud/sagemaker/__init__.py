"""Amazon SageMaker: endpoints and their scaling, jobs of four kinds, and the model registry.

An endpoint is one process, whatever its number of instances: `models/serving` with the handler in
the model's archive. Images are not run, and accelerators are replaced by the CPU.
"""

from localcloud.sagemaker.hosting.autoscaler import AutoScalingService
from localcloud.sagemaker.hosting.runtime import SageMakerRuntimeService
from localcloud.sagemaker.service import SageMakerService

__all__ = ["AutoScalingService", "SageMakerRuntimeService", "SageMakerService"]
