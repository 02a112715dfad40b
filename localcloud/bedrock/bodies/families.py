"""Which family's body a chat model takes by InvokeModel."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.bedrock.bodies.anthropic import ANTHROPIC
from localcloud.bedrock.bodies.family import Body, Family
from localcloud.bedrock.bodies.nova import NOVA
from localcloud.bedrock.bodies.prompts import LLAMA, MISTRAL, MISTRAL_CHAT
from localcloud.bedrock.content import invalid

_BY_PREFIX: Mapping[str, Family] = {
    "amazon.nova-": NOVA,
    "anthropic.claude-": ANTHROPIC,
    "meta.llama": LLAMA,
    "mistral.": MISTRAL,
}


def family_of(model_id: str, body: Body) -> Family:
    """Return the family of a model by its bare id. Raises ValidationException for another."""
    for prefix, family in _BY_PREFIX.items():
        if model_id.startswith(prefix):
            return MISTRAL_CHAT if family is MISTRAL and "messages" in body else family
    raise invalid(
        f"The local cloud knows no body of InvokeModel for {model_id}; ask it by Converse."
    )
