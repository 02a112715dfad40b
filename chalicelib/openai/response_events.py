"""Conversion of a generation into a response of the Responses API, whole or as events.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.http import kind_of, said
from chalicelib.contracts.openai.response_objects import (
    AnyResponseEvent,
    IncompleteDetails,
    ItemStatus,
    OutputFunctionCall,
    OutputItem,
    OutputMessage,
    OutputText,
    ResponseArgumentsDelta,
    ResponseArgumentsDone,
    ResponseCompleted,
    ResponseCreated,
    ResponseFailed,
    ResponseFailure,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseItemAdded,
    ResponseItemDone,
    ResponseObject,
    ResponsePartAdded,
    ResponsePartDone,
    ResponseTextDelta,
    ResponseTextDone,
    ResponseUsage,
)
from chalicelib.contracts.openai.responses import NamedResponseTool, ResponseRequest
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled
from chalicelib.generation.streams import TextDelta, ToolDelta
from chalicelib.openai.completions import generation_receipt

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ChatOutput, Finish, Generation

_CUT_OFF: Mapping[Finish, IncompleteDetails] = {
    "length": IncompleteDetails(reason="max_output_tokens"),
    "content_filter": IncompleteDetails(reason="content_filter"),
}


@dataclass(slots=True)
class _OpenItem:
    """The item that is being sent: a message, or a call of the tool with index `tool`."""

    id: str
    tool: int | None = None
    call_id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)

    def item(self, status: ItemStatus) -> OutputItem:
        """Return the item with the pieces so far."""
        text = "".join(self.pieces)
        if self.tool is None:
            content = (OutputText(text=text),) if status != "in_progress" else ()
            return OutputMessage(id=self.id, status=status, content=content)
        return OutputFunctionCall(
            id=self.id, call_id=self.call_id, name=self.name, arguments=text, status=status
        )


class ResponseEvents:
    """Makes the numbered events of one response in their order, or the whole response."""

    def __init__(self, request: ResponseRequest, id_: str, created_at: int) -> None:
        """Begin a response; the ids of its parts are derived from `id_`."""
        self._id = id_
        self._begun = ResponseObject(
            id=f"resp_{id_}",
            created_at=created_at,
            status="in_progress",
            model=request.model,
            **_request_fields(request),
        )
        self._items: list[OutputItem] = []
        self._open: _OpenItem | None = None
        self._next = 0

    def whole_response(self, generation: Generation, output: ChatOutput) -> ResponseObject:
        """Return `generation`, whose output is `output`, as a whole response."""
        if output.text:
            for _ in self.add(TextDelta(output.text)):
                continue
        for n, call in enumerate(output.tool_calls):
            for _ in self.add(ToolDelta(n, call.id, call.name, call.arguments)):
                continue
        *_, last = self.end(generation, output)
        assert isinstance(last, ResponseCompleted | ResponseIncomplete), "these end a response"
        return last.response

    def begin(self) -> Iterator[AnyResponseEvent]:
        """Yield the first events."""
        yield ResponseCreated(sequence_number=self._next_number(), response=self._begun)
        yield ResponseInProgress(sequence_number=self._next_number(), response=self._begun)

    def add(self, delta: TextDelta | ToolDelta) -> Iterator[AnyResponseEvent]:
        """Yield the events of a piece of text or of a tool call."""
        tool = delta.index if isinstance(delta, ToolDelta) else None
        if self._open is None or self._open.tool != tool:
            yield from self._close_item("completed")
            yield from self._begin_item(delta)
        text = delta.arguments if isinstance(delta, ToolDelta) else delta.text
        if text:
            yield self._extend_item(text)

    def end(self, generation: Generation, output: ChatOutput) -> Iterator[AnyResponseEvent]:
        """Yield the last events."""
        cut_off = _CUT_OFF.get(output.finish)
        yield from self._close_item("incomplete" if cut_off else "completed")
        used = generation.usage
        response = self._begun.model_copy(
            update={
                "status": "incomplete" if cut_off else "completed",
                "incomplete_details": cut_off,
                "model": generation.model,
                "output": tuple(self._items),
                "usage": ResponseUsage(
                    input_tokens=used.tokens_in,
                    output_tokens=used.tokens_out,
                    total_tokens=used.tokens_in + used.tokens_out,
                ),
                "headrace": generation_receipt(generation),
            }
        )
        kind = ResponseIncomplete if cut_off else ResponseCompleted
        yield kind(sequence_number=self._next_number(), response=response)

    def fail(self, error: HeadraceError) -> Iterator[AnyResponseEvent]:
        """Yield the last event of a response that failed."""
        yield from self._close_item("incomplete")
        waits = issubclass(kind_of(error), QuotaExceeded | Throttled)
        failure = ResponseFailure(
            code="rate_limit_exceeded" if waits else "server_error", message=said(error)
        )
        response = self._begun.model_copy(
            update={"status": "failed", "error": failure, "output": tuple(self._items)}
        )
        yield ResponseFailed(sequence_number=self._next_number(), response=response)

    def _begin_item(self, delta: TextDelta | ToolDelta) -> Iterator[AnyResponseEvent]:
        at = len(self._items)
        if isinstance(delta, ToolDelta):
            self._open = _OpenItem(f"fc_{self._id}_{at}", delta.index, delta.id, delta.name)
        else:
            self._open = _OpenItem(f"msg_{self._id}_{at}")
        begun = self._open.item("in_progress")
        yield ResponseItemAdded(sequence_number=self._next_number(), output_index=at, item=begun)
        if self._open.tool is None:
            yield ResponsePartAdded(
                sequence_number=self._next_number(),
                item_id=self._open.id,
                output_index=at,
                part=OutputText(text=""),
            )

    def _extend_item(self, text: str) -> AnyResponseEvent:
        assert self._open is not None, "an item was begun"
        self._open.pieces.append(text)
        kind = ResponseTextDelta if self._open.tool is None else ResponseArgumentsDelta
        return kind(
            sequence_number=self._next_number(),
            item_id=self._open.id,
            output_index=len(self._items),
            delta=text,
        )

    def _close_item(self, status: ItemStatus) -> Iterator[AnyResponseEvent]:
        if self._open is None:
            return
        at, item = len(self._items), self._open.item(status)
        if isinstance(item, OutputMessage):
            yield ResponseTextDone(
                sequence_number=self._next_number(),
                item_id=item.id,
                output_index=at,
                text=item.content[0].text,
            )
            yield ResponsePartDone(
                sequence_number=self._next_number(),
                item_id=item.id,
                output_index=at,
                part=item.content[0],
            )
        else:
            yield ResponseArgumentsDone(
                sequence_number=self._next_number(),
                item_id=item.id,
                output_index=at,
                name=item.name,
                arguments=item.arguments,
            )
        yield ResponseItemDone(sequence_number=self._next_number(), output_index=at, item=item)
        self._items.append(item)
        self._open = None

    def _next_number(self) -> int:
        self._next += 1
        return self._next - 1


def _request_fields(request: ResponseRequest) -> dict[str, Any]:
    """Return the fields of the request that its response repeats."""
    choice = request.tool_choice
    wanted = request.text.format if request.text is not None else None
    return {
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "tools": tuple(tool.model_dump() for tool in request.tools or ()),
        "tool_choice": choice.model_dump()
        if isinstance(choice, NamedResponseTool)
        else choice or "auto",
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "text": {
            "format": wanted.model_dump(by_alias=True, exclude_none=True)
            if wanted is not None
            else {"type": "text"}
        },
        "metadata": request.metadata or {},
    }
