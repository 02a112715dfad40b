"""Amazon Bedrock, answered by small models on this machine, and every answer says by which."""

from localcloud.bedrock.runtime import BedrockRuntimeService
from localcloud.bedrock.service import BedrockService

__all__ = ["BedrockRuntimeService", "BedrockService"]
