"""Amazon Bedrock, answered by small models on this machine, and every answer says by which."""

from localcloud.bedrock.control import BedrockService
from localcloud.bedrock.runtime import BedrockRuntimeService

__all__ = ["BedrockRuntimeService", "BedrockService"]
