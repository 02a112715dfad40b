"""The bodies of `POST /v1/generations`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue, WithJsonSchema, model_validator

from chalicelib.contracts.base import HttpInput
from chalicelib.contracts.generations import (
    MAX_GUIDANCE,
    MAX_IMAGES,
    MAX_STEPS,
    MAX_STOPS,
    ServiceTier,
)
from chalicelib.contracts.receipts import Dollars

MAX_PROMPT_CHARACTERS = 1_000_000
MAX_TURNS = 200
MAX_DOCUMENTS = 64
MAX_DOCUMENT_CHARACTERS = 8_000
"""What the support check takes at once."""
MAX_TEXTS = 256
"""Texts whose vectors fit into an answer of Lambda, 6 MB, by a model of 1,024 dimensions."""
Text = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]


class GenerationTurn(HttpInput):
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    content: Text


class CreateGenerationRequest(HttpInput):
    """`POST /v1/generations`: one text, picture or set of vectors, from the cheapest model that
    suffices, or from the one that is named.

    A chat takes `prompt` or `messages`, an image `prompt`, an embedding `texts`. An answer that
    `max_tokens` cut off is an error, unless `allow_truncation` says otherwise. `documents` go with
    a chat: the check `supported` holds its answer to them.
    """

    task: Literal["chat", "embedding", "image"] = "chat"
    prompt: Text | None = None
    messages: tuple[GenerationTurn, ...] = Field(default=(), max_length=MAX_TURNS)
    texts: tuple[Text, ...] = Field(default=(), max_length=MAX_TEXTS)
    system: str = Field(default="", max_length=MAX_PROMPT_CHARACTERS)
    documents: tuple[
        Annotated[str, Field(min_length=1, max_length=MAX_DOCUMENT_CHARACTERS)], ...
    ] = Field(default=(), max_length=MAX_DOCUMENTS)
    """Texts of others that a chat is to go by: they reach the model as quotes, never as orders."""
    max_tokens: int = Field(default=512, ge=1, le=200_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: tuple[str, ...] = Field(default=(), max_length=MAX_STOPS)
    seed: int | None = Field(default=None, ge=0, le=2_147_483_646)
    json_schema: Annotated[
        dict[str, JsonValue] | None, WithJsonSchema({"type": ["object", "null"]})
    ] = None
    """The JSON Schema that the answer has to keep to; `{}` asks for any JSON object."""
    allow_truncation: bool = False
    dimensions: int | None = Field(default=None, ge=1, le=16_384)
    negative_prompt: str = Field(default="", max_length=10_000)
    to_seed: int | None = Field(default=None, ge=0, le=2_147_483_646)
    """Pictures walk from that of `seed` to that of this one, both included."""
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    """Of a sampler of pictures; more are slower and seldom better."""
    guidance: float | None = Field(default=None, ge=0, le=MAX_GUIDANCE)
    """How closely pictures keep to the prompt."""
    count: int = Field(default=1, ge=1, le=MAX_IMAGES)
    width: int = Field(default=1_024, ge=8, le=4_096)
    height: int = Field(default=1_024, ge=8, le=4_096)
    model: str = Field(default="auto", min_length=1, max_length=256)
    """A name of the catalogue, or auto."""
    quality: int = Field(default=1, ge=1, le=5)
    """The least tier that may answer."""
    service_tier: ServiceTier = "standard"
    deadline: AwareDatetime | None = None
    budget: Annotated[Dollars, Field(ge=0, le=1_000)] | None = None
    """Dollars that all attempts together may cost."""
    checks: tuple[Annotated[str, Field(max_length=1_000)], ...] = Field(default=(), max_length=8)
    """What the answer must stand, such as `contains:turbine` or `length:20..400`."""
    fallback: bool = True

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        given: dict[str, Any] = {
            "prompt": self.prompt,
            "messages": self.messages,
            "texts": self.texts,
        }
        wanted = {"chat": ("prompt", "messages"), "image": ("prompt",), "embedding": ("texts",)}
        has = [name for name, value in given.items() if value]
        if len(has) != 1 or has[0] not in wanted[self.task]:
            names = " or ".join(wanted[self.task])
            raise ValueError(f"a generation of task {self.task} takes {names}, and nothing else")
        if self.documents and self.task != "chat":
            raise ValueError(f"documents go with a chat; leave them out of task {self.task}")
        return self
