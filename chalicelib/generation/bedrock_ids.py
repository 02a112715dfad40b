"""How Bedrock writes the ids of models: plain, of an inference profile, or as an ARN of either."""

from __future__ import annotations

import re

_ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(foundation-model|inference-profile)/")
_PREFIX = re.compile(r"^(us|us-gov|eu|apac|jp|au|ca|global)\.")


def bare_id(model_id: str) -> str:
    """Return the foundation model's id within an id, profile id or ARN of Bedrock."""
    return _PREFIX.sub("", asked_id(model_id))


def asked_id(model_id: str) -> str:
    """Return the id or profile id within an ARN of Bedrock, or as it is."""
    return _ARN.sub("", model_id)
