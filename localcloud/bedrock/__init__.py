"""Amazon Bedrock, served by small models on this machine; each response names its model."""

from localcloud.bedrock.runtime import BedrockRuntimeService
from localcloud.bedrock.service import BedrockService

__all__ = ["BedrockRuntimeService", "BedrockService"]
