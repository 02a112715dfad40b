"""Responses: what is asked.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from chalicelib.contracts.openai.base import Choosing, ModelCallInput, OpenAIInput

MAX_ITEMS = 2_048


class InputText(OpenAIInput):
    """A piece of text, of the user or of an earlier answer."""

    type: Literal["input_text", "output_text"]
    text: str


class InputRefusal(OpenAIInput):
    """An earlier refusal of a model, in its own words."""

    type: Literal["refusal"]
    refusal: str


class InputImage(OpenAIInput):
    """A picture: a `data:` URL that holds it."""

    type: Literal["input_image"]
    image_url: str | None = None
    file_id: str | None = None


class InputOther(OpenAIInput):
    """A piece or an item of another kind, which is refused by its name."""

    type: str


def _kind(given: Any) -> str:
    kind = given.get("type") if isinstance(given, Mapping) else getattr(given, "type", None)
    return kind if isinstance(kind, str) else "other"


def _content_kind(part: Any) -> str:
    kind = _kind(part)
    if kind in {"input_text", "output_text"}:
        return "text"
    return kind if kind in {"input_image", "refusal"} else "other"


InputContent = Annotated[
    Annotated[InputText, Tag("text")]
    | Annotated[InputImage, Tag("input_image")]
    | Annotated[InputRefusal, Tag("refusal")]
    | Annotated[InputOther, Tag("other")],
    Discriminator(_content_kind),
]
InputContents = str | tuple[InputContent, ...]


class InputMessage(OpenAIInput):
    """A turn, or what the model is instructed to do; its `type` may be left out."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: InputContents


class InputFunctionCall(OpenAIInput):
    """A call of a function that an earlier answer wanted made."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str = "{}"


class InputFunctionOutput(OpenAIInput):
    """The output of a function for a call."""

    type: Literal["function_call_output"]
    call_id: str
    output: InputContents


def _item_kind(item: Any) -> str:
    kind = _kind(item)
    if kind in {"function_call", "function_call_output"}:
        return kind
    role = item.get("role") if isinstance(item, Mapping) else getattr(item, "role", None)
    return "message" if kind == "message" or (kind == "other" and role is not None) else "other"


InputItem = Annotated[
    Annotated[InputMessage, Tag("message")]
    | Annotated[InputFunctionCall, Tag("function_call")]
    | Annotated[InputFunctionOutput, Tag("function_call_output")]
    | Annotated[InputOther, Tag("other")],
    Discriminator(_item_kind),
]


class ResponseTool(OpenAIInput):
    """A tool; only functions are taken. `parameters` is a JSON Schema."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


class NamedResponseTool(OpenAIInput):
    """The one function that has to be called."""

    type: Literal["function"]
    name: str


class TextFormat(OpenAIInput):
    """The required format of an answer."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema_: Mapping[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class TextOptions(OpenAIInput):
    """How the answer is written."""

    format: TextFormat | None = None


class ResponseRequest(ModelCallInput):
    """`POST /v1/responses`. `model` is a name of `GET /v1/models`, or auto.

    Nothing is stored, so the whole conversation comes with each request.
    """

    model: str
    input: str | tuple[InputItem, ...] = Field(min_length=1)
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    tools: tuple[ResponseTool, ...] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedResponseTool | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    stream: bool | None = None
    service_tier: str | None = None
    metadata: Mapping[str, str] | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    background: bool | None = None
    prompt: Any = None
    include: tuple[str, ...] | None = None
    reasoning: Mapping[str, Any] | None = None
    truncation: str | None = None
    top_logprobs: int | None = None
    headrace: Choosing | None = None
