"""Responses: what is answered, whole and as events.

https://platform.openai.com/docs/api-reference/responses/object
https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.openai.base import Receipted

ItemStatus = Literal["in_progress", "completed", "incomplete"]


class OutputText(Contract):
    """A text part of a message."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: tuple[()] = ()
    logprobs: tuple[()] = ()


class OutputMessage(Contract):
    """An item of the answer: text."""

    type: Literal["message"] = "message"
    id: str
    role: Literal["assistant"] = "assistant"
    status: ItemStatus
    content: tuple[OutputText, ...]


class OutputFunctionCall(Contract):
    """An item of the answer: a call of a function that the model wants made."""

    type: Literal["function_call"] = "function_call"
    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus


OutputItem = OutputMessage | OutputFunctionCall


class InputTokensDetails(Contract):
    """Of the tokens read, those that came from a cache, which are none."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(Contract):
    """Of the tokens written, those that were thoughts, which are not told apart."""

    reasoning_tokens: int = 0


class ResponseUsage(Contract):
    """Tokens of a response."""

    input_tokens: int = Field(ge=0)
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens: int = Field(ge=0)
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int = Field(ge=0)


class ResponseFailure(Contract):
    """Why a response that was begun failed."""

    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class IncompleteDetails(Contract):
    """Why a response ended before it was whole."""

    reason: Literal["max_output_tokens", "content_filter"]


class ResponseObject(Contract):
    """A response, and what was asked for it. It is not stored."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    error: ResponseFailure | None = None
    incomplete_details: IncompleteDetails | None = None
    model: str
    output: tuple[OutputItem, ...] = ()
    usage: ResponseUsage | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    text: Mapping[str, Any] = Field(default_factory=dict)
    metadata: Mapping[str, str] = Field(default_factory=dict)
    parallel_tool_calls: bool = True
    previous_response_id: None = None
    store: Literal[False] = False
    background: Literal[False] = False
    truncation: Literal["disabled"] = "disabled"
    headrace: Receipted | None = None


class ResponseEvent(Contract):
    """The field of every event of a streamed response: its position, from 0."""

    sequence_number: int = Field(ge=0)


class ResponseCreated(ResponseEvent):
    """The response was begun."""

    type: Literal["response.created"] = "response.created"
    response: ResponseObject


class ResponseInProgress(ResponseEvent):
    """It is worked on."""

    type: Literal["response.in_progress"] = "response.in_progress"
    response: ResponseObject


class ResponseItemAdded(ResponseEvent):
    """An item begins."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    output_index: int
    item: OutputItem


class ResponsePartAdded(ResponseEvent):
    """A piece of a message begins."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    item_id: str
    output_index: int
    content_index: int = 0
    part: OutputText


class ResponseTextDelta(ResponseEvent):
    """Some more of its text."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    item_id: str
    output_index: int
    content_index: int = 0
    delta: str
    logprobs: tuple[()] = ()


class ResponseTextDone(ResponseEvent):
    """All of its text."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    item_id: str
    output_index: int
    content_index: int = 0
    text: str
    logprobs: tuple[()] = ()


class ResponsePartDone(ResponseEvent):
    """A piece of a message ended."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    item_id: str
    output_index: int
    content_index: int = 0
    part: OutputText


class ResponseArgumentsDelta(ResponseEvent):
    """Some more of the arguments of a call."""

    type: Literal["response.function_call_arguments.delta"] = (
        "response.function_call_arguments.delta"
    )
    item_id: str
    output_index: int
    delta: str


class ResponseArgumentsDone(ResponseEvent):
    """All arguments of a call."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    item_id: str
    output_index: int
    name: str
    arguments: str


class ResponseItemDone(ResponseEvent):
    """An item ended."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    output_index: int
    item: OutputItem


class ResponseCompleted(ResponseEvent):
    """The response is whole: the last event."""

    type: Literal["response.completed"] = "response.completed"
    response: ResponseObject


class ResponseIncomplete(ResponseEvent):
    """The response was cut off or filtered: the last event."""

    type: Literal["response.incomplete"] = "response.incomplete"
    response: ResponseObject


class ResponseFailed(ResponseEvent):
    """The response broke off, with the reason in `response.error`: the last event."""

    type: Literal["response.failed"] = "response.failed"
    response: ResponseObject


AnyResponseEvent = (
    ResponseCreated
    | ResponseInProgress
    | ResponseItemAdded
    | ResponsePartAdded
    | ResponseTextDelta
    | ResponseTextDone
    | ResponsePartDone
    | ResponseArgumentsDelta
    | ResponseArgumentsDone
    | ResponseItemDone
    | ResponseCompleted
    | ResponseIncomplete
    | ResponseFailed
)
