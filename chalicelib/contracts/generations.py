"""Generations: what is asked of a model in neutral terms, and what it gave.

Backends translate a call into their own API and its answer back; the router, the checks, budgets
and receipts see nothing else. Texts and pictures of a request travel in these only within a
process or in an object of S3: states carry references.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Base64Bytes, Field, model_validator

from chalicelib.contracts.base import Contract
from chalicelib.contracts.receipts import Dollars, Receipt
from chalicelib.contracts.screening import Finding
from chalicelib.contracts.speech import TranscribeCall, TranscribeOutput

GenerationTask = Literal[
    "chat",
    "embedding",
    "image",
    "classification",
    "tagging",
    "scoring",
    "moderation",
    "transcription",
]
ServiceTier = Literal["standard", "flex", "batch"]
"""The urgency of a call: at once, cheaper when there is room, or within a day at half the price."""

ImageType = Literal["image/png", "image/jpeg", "image/webp", "image/gif"]
Finish = Literal["stop", "length", "tool_calls", "content_filter"]

MAX_STOPS = 4
MAX_TOOLS = 128
MAX_TEXTS = 2_048
MAX_PICTURES = 64
"""The most images of one classification."""
LEAST_LABELS, MAX_LABELS, MAX_TEMPLATES = 2, 256, 64
MAX_ANSWERS = 64
"""The most answers of one scoring."""
MAX_IMAGES = 8
MAX_SIDE = 4_096
MAX_STEPS = 1_000
MAX_GUIDANCE = 50
Label = Annotated[str, Field(min_length=1, max_length=200)]
Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$", max_length=200)]
"""A prompt of a class, with `{}` in the place of its name."""


class TextPart(Contract):
    """A piece of text. `untrusted` is what the call quotes, such as a document: data, which nobody
    vouches for.
    """

    type: Literal["text"] = "text"
    text: str
    origin: Literal["input", "untrusted"] = "input"


class ImagePart(Contract):
    """A picture, by its bytes."""

    type: Literal["image"] = "image"
    media_type: ImageType
    data: Base64Bytes


class ToolCall(Contract):
    """A call that a model wants made; `arguments` are JSON, as the model wrote it."""

    type: Literal["tool_call"] = "tool_call"
    id: str
    name: str
    arguments: str


class ToolResult(Contract):
    """The result of a tool for the call `id`."""

    type: Literal["tool_result"] = "tool_result"
    id: str
    text: str
    failed: bool = False


Part = Annotated[TextPart | ImagePart | ToolCall | ToolResult, Field(discriminator="type")]


class Message(Contract):
    """One turn. Instructions of the caller are the call's `system`, never a message."""

    role: Literal["user", "assistant"]
    content: tuple[Part, ...] = Field(min_length=1)


class Tool(Contract):
    """A tool that a model may call; `parameters` is a JSON Schema of its arguments."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = ""
    parameters: Mapping[str, Any] = Field(default_factory=dict)


class JsonOutput(Contract):
    """The answer is to be JSON: any object, or one that keeps to the JSON Schema `json_schema`."""

    name: str = "answer"
    json_schema: Mapping[str, Any] | None = None


class ChatCall(Contract):
    """One answer to a conversation. `tool_choice` is auto, none, required, or a tool's name.

    Without `parallel_tool_calls` an answer has one tool call at most: the first one that
    the model made.
    """

    task: Literal["chat"] = "chat"
    system: str = ""
    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[Tool, ...] = Field(default=(), max_length=MAX_TOOLS)
    tool_choice: str = "auto"
    parallel_tool_calls: bool = True
    json_output: JsonOutput | None = None
    max_tokens: int = Field(default=512, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: tuple[str, ...] = Field(default=(), max_length=MAX_STOPS)
    seed: int | None = None


class EmbedCall(Contract):
    """A vector for each text, or for each picture, in order; a call has one kind of them."""

    task: Literal["embedding"] = "embedding"
    texts: tuple[str, ...] = Field(default=(), max_length=MAX_TEXTS)
    images: tuple[ImagePart, ...] = Field(default=(), max_length=MAX_PICTURES)
    dimensions: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.texts) == bool(self.images):
            raise ValueError("give texts or images, and not both")
        return self


class ClassifyCall(Contract):
    """A request to classify pictures by labels, or texts by those of the model.

    Each label is put into all `templates`, or into the model's own if there are none. A model of
    texts has the labels that it was trained with, so that a call has none.
    """

    task: Literal["classification"] = "classification"
    images: tuple[ImagePart, ...] = Field(default=(), max_length=MAX_PICTURES)
    texts: tuple[str, ...] = Field(default=(), max_length=MAX_TEXTS)
    labels: tuple[Label, ...] = Field(default=(), max_length=MAX_LABELS)
    templates: tuple[Template, ...] = Field(default=(), max_length=MAX_TEMPLATES)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.texts) == bool(self.images):
            raise ValueError("give texts or images, and not both")
        if self.texts and (self.labels or self.templates):
            raise ValueError("texts have the labels of the model; leave labels and templates out")
        if self.images and len(self.labels) < LEAST_LABELS:
            raise ValueError(f"images need {LEAST_LABELS} labels at least")
        return self


class TagCall(Contract):
    """A request to find the spans of the model's classes in texts, such as names."""

    task: Literal["tagging"] = "tagging"
    texts: tuple[str, ...] = Field(min_length=1, max_length=MAX_TEXTS)


class ImageCall(Contract):
    """Pictures of what a prompt says.

    `steps` are those of a sampler, and `guidance` says how closely it keeps to the prompt; each is
    the model's own where it is left out. With `to_seed` the pictures walk from that of `seed` to
    that of `to_seed`, both included.
    """

    task: Literal["image"] = "image"
    prompt: str = Field(min_length=1)
    negative_prompt: str = ""
    count: int = Field(default=1, ge=1, le=MAX_IMAGES)
    width: int = Field(default=1024, ge=8, le=MAX_SIDE)
    height: int = Field(default=1024, ge=8, le=MAX_SIDE)
    seed: int | None = None
    to_seed: int | None = None
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    guidance: float | None = Field(default=None, ge=0, le=MAX_GUIDANCE)


class ScoreCall(Contract):
    """A request to score answers to a prompt by how much people would like them."""

    task: Literal["scoring"] = "scoring"
    prompt: str = Field(min_length=1)
    answers: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=1, max_length=MAX_ANSWERS
    )


Call = Annotated[
    ChatCall | EmbedCall | ImageCall | ClassifyCall | TagCall | ScoreCall | TranscribeCall,
    Field(discriminator="task"),
]


def _is_zero(value: float) -> bool:
    return not value


class Usage(Contract):
    """The usage of a call, in the answering model's own tokens.

    `images` are pictures that were drawn, embedded or classified, `audio_seconds` the length of
    sound that was transcribed.
    """

    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    images: int = Field(default=0, ge=0)
    audio_seconds: float = Field(default=0.0, ge=0, exclude_if=_is_zero)


class ChatOutput(Contract):
    """The answer's text and the tool calls that it wants made."""

    task: Literal["chat"] = "chat"
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"


class EmbedOutput(Contract):
    """The vectors of texts or pictures, in their order and of the same dimension."""

    task: Literal["embedding"] = "embedding"
    vectors: tuple[tuple[float, ...], ...]


class ClassifyOutput(Contract):
    """The probabilities of the labels for each picture or text, in their order and that of labels.

    Those of a picture or text add up to 1. They say which label fits best, never that none does.
    `truncated` are the numbers of texts of which the model read only the beginning, as it was
    trained to.
    """

    task: Literal["classification"] = "classification"
    labels: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    truncated: tuple[int, ...] = ()


class TaggedSpan(Contract):
    """A part of a text with its class: characters from `start` up to, not with, `end`.

    `share` is how likely its least likely token is of it.
    """

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    label: str
    text: str
    share: float = Field(ge=0, le=1)


class TagOutput(Contract):
    """The spans in each text, in the order of texts and of characters.

    Of the texts numbered in `truncated` the model read only the beginning, as it was trained to.
    """

    task: Literal["tagging"] = "tagging"
    labels: tuple[str, ...]
    spans: tuple[tuple[TaggedSpan, ...], ...]
    truncated: tuple[int, ...] = ()


class ScoreOutput(Contract):
    """A number for each answer, in order: what has a higher one would be liked better. What two of
    them are apart means the same for any pair of the same model; a number alone means nothing.
    """

    task: Literal["scoring"] = "scoring"
    scores: tuple[float, ...]


class ImageOutput(Contract):
    """Pictures, by their bytes."""

    task: Literal["image"] = "image"
    media_type: ImageType = "image/png"
    images: tuple[Base64Bytes, ...]


Output = Annotated[
    ChatOutput
    | EmbedOutput
    | ImageOutput
    | ClassifyOutput
    | TagOutput
    | ScoreOutput
    | TranscribeOutput,
    Field(discriminator="task"),
]


class Reply(Contract):
    """The reply of one model to one call.

    `model` is its name in the catalogue; `answered_by` is who says it answered, which is another
    where one stands in for it. `seconds` are by the clock.
    """

    model: str
    answered_by: str
    output: Output
    usage: Usage
    seconds: float = Field(ge=0)
    service_tier: ServiceTier = "standard"


class Terms(Contract):
    """Conditions of a caller on which models may answer.

    `model` is a name, or auto for the cheapest that suffices. `quality` is the least tier of the
    catalogue that may answer. `budget` bounds what all attempts together may cost, in dollars.
    `checks` are what an answer must stand; one that does not goes on to the next model.
    `required_parameters` are fields of the call that a model must honour: others are left out where
    a model does not accept them.
    """

    model: str = "auto"
    quality: int = Field(default=1, ge=1, le=5)
    service_tier: ServiceTier = "standard"
    deadline: AwareDatetime | None = None
    budget: Dollars | None = None
    checks: tuple[str, ...] = ()
    fallback: bool = True
    required_parameters: tuple[str, ...] = ()


class Attempt(Contract):
    """One model tried: what became of it, why, and what it cost."""

    model: str
    answered_by: str = ""
    outcome: Literal["accepted", "escalated", "failed", "skipped"]
    reason: str = ""
    usage: Usage = Usage()
    seconds: float = Field(default=0.0, ge=0)
    dollars: Dollars = Decimal(0)


class Generation(Contract):
    """An answer with who was tried for it, in order, why, and what it cost.

    `plan` says in words which models were to be tried, in which order, and why not others.
    `findings` are what the screen found in the call and in the answer, and let pass or masked.
    """

    generation_id: str
    created_at: AwareDatetime
    model: str
    answered_by: str
    output: Output
    usage: Usage
    attempts: tuple[Attempt, ...]
    plan: tuple[str, ...]
    receipt: Receipt
    findings: tuple[Finding, ...] = ()
