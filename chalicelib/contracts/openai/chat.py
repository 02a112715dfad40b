"""Chat completions.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.openai.base import (
    Choosing,
    CompletionUsage,
    ModelCallInput,
    OpenAIInput,
    Receipted,
)

MAX_MESSAGES = 2_048


class TextContent(OpenAIInput):
    """A piece of text."""

    type: Literal["text"]
    text: str


class ImageUrl(OpenAIInput):
    """Where a picture is: a `data:` URL that holds it."""

    url: str
    detail: str = "auto"


class ImageContent(OpenAIInput):
    """A picture."""

    type: Literal["image_url"]
    image_url: ImageUrl


class RefusalContent(OpenAIInput):
    """An earlier refusal of a model, in its own words."""

    type: Literal["refusal"]
    refusal: str


class OtherContent(OpenAIInput):
    """A piece of another kind, such as sound or a file, which is refused by its name."""

    type: str


def _content_kind(part: Any) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else getattr(part, "type", None)
    known = isinstance(kind, str) and kind in {"text", "image_url", "refusal"}
    return str(kind) if known else "other"


ContentPart = Annotated[
    Annotated[TextContent, Tag("text")]
    | Annotated[ImageContent, Tag("image_url")]
    | Annotated[RefusalContent, Tag("refusal")]
    | Annotated[OtherContent, Tag("other")],
    Discriminator(_content_kind),
]
Content = str | tuple[ContentPart, ...]


class FunctionCall(OpenAIInput):
    """A call of a function: its name, and its arguments as JSON that the model wrote."""

    name: str
    arguments: str = "{}"


class ChatToolCall(OpenAIInput):
    """A tool call of an earlier answer."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class InstructionMessage(OpenAIInput):
    """Instructions of the caller to the model; `developer` is the newer name of `system`."""

    role: Literal["system", "developer"]
    content: Content


class UserMessage(OpenAIInput):
    """A message of the user."""

    role: Literal["user"]
    content: Content


class AssistantMessage(OpenAIInput):
    """An earlier message of the model."""

    role: Literal["assistant"]
    content: Content | None = None
    refusal: str | None = None
    tool_calls: tuple[ChatToolCall, ...] | None = None


class ToolMessage(OpenAIInput):
    """The result of a tool for a call."""

    role: Literal["tool"]
    content: Content
    tool_call_id: str


ChatMessage = Annotated[
    InstructionMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class FunctionTool(OpenAIInput):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


class ChatTool(OpenAIInput):
    """A tool; only functions are taken."""

    type: str = "function"
    function: FunctionTool | None = None


class NamedFunction(OpenAIInput):
    """The name of a function."""

    name: str


class NamedTool(OpenAIInput):
    """The one tool that has to be called."""

    type: Literal["function"] = "function"
    function: NamedFunction


class SchemaFormat(OpenAIInput):
    """The JSON Schema that an answer has to keep to."""

    name: str
    description: str | None = None
    schema_: Mapping[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class ResponseFormat(OpenAIInput):
    """The required format of an answer."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: SchemaFormat | None = None


class StreamOptions(OpenAIInput):
    """Options of a stream's last chunk."""

    include_usage: bool | None = None


class ChatCompletionRequest(ModelCallInput):
    """`POST /v1/chat/completions`. `model` is a name of the catalogue, or auto."""

    model: str
    messages: tuple[ChatMessage, ...] = Field(min_length=1, max_length=MAX_MESSAGES)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    n: int | None = None
    stop: str | tuple[str, ...] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: tuple[ChatTool, ...] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    response_format: ResponseFormat | None = None
    service_tier: str | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    modalities: tuple[str, ...] | None = None
    parallel_tool_calls: bool | None = None
    functions: tuple[Any, ...] | None = None
    function_call: Any = None
    headrace: Choosing | None = None


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class FunctionOut(Contract):
    """A call of a function that the model wants made."""

    name: str
    arguments: str


class ToolCallOut(Contract):
    """A tool call that the model wants made."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionOut


class MessageOut(Contract):
    """A message of the model."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: tuple[ToolCallOut, ...] | None = Field(default=None, exclude_if=is_none)


class Choice(Contract):
    """The one answer."""

    index: int = 0
    message: MessageOut
    finish_reason: FinishReason
    logprobs: None = None


class ChatCompletion(Contract):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: CompletionUsage
    headrace: Receipted


class FunctionDelta(Contract):
    """A piece of a call's name and arguments."""

    name: str | None = Field(default=None, exclude_if=is_none)
    arguments: str = ""


class ToolCallDelta(Contract):
    """A piece of the tool call at `index`; the first has its id and name."""

    index: int
    id: str | None = Field(default=None, exclude_if=is_none)
    type: Literal["function"] | None = Field(default=None, exclude_if=is_none)
    function: FunctionDelta


class DeltaOut(Contract):
    """A piece of the answer."""

    role: Literal["assistant"] | None = Field(default=None, exclude_if=is_none)
    content: str | None = Field(default=None, exclude_if=is_none)
    tool_calls: tuple[ToolCallDelta, ...] | None = Field(default=None, exclude_if=is_none)


class ChunkChoice(Contract):
    """A piece of the one answer, or its end."""

    index: int = 0
    delta: DeltaOut
    finish_reason: FinishReason | None = None
    logprobs: None = None


class ChatCompletionChunk(Contract):
    """One event of a streamed answer.

    `model` is what was asked for until it is known who answered, which the chunk says that ends the
    answer. Where usage is asked for, one more chunk follows, without choices.
    """

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    usage: CompletionUsage | None = Field(default=None, exclude_if=is_none)
    headrace: Receipted | None = Field(default=None, exclude_if=is_none)
