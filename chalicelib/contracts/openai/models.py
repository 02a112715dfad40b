"""Models.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from typing import Literal

from chalicelib.contracts.base import Contract


class ModelObject(Contract):
    """One model that can be asked for. `created` is when it was launched, 0 where not known.

    Our own fields are `task`, `tier` of quality from 1 to 5, capabilities, and `aliases`: names of
    OpenAI's models that it answers to.
    """

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str
    task: str
    tier: int
    context_tokens: int = 0
    abilities: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class ModelList(Contract):
    """Every model that can be asked for."""

    object: Literal["list"] = "list"
    data: tuple[ModelObject, ...]
