"""The pieces of a streamed answer, and the whole answer assembled from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Reply, ToolCall, Usage
from chalicelib.errors import ModelFailure
from chalicelib.generation.tokens import estimated_tokens

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Finish
    from chalicelib.generation.router import RouteStep


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A piece of the tool call at `index`: its id and name come first, then `arguments`."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The end of a streamed answer, with its usage.

    `answered_by` is empty if the backend names no model. `seconds` are the billed seconds of a
    function of ours, None if only the clock knows.
    """

    finish: Finish
    usage: Usage
    answered_by: str
    seconds: float | None = None


Delta = TextDelta | ToolDelta | StreamEnd


def wanted_deltas(call: ChatCall, deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Yield `deltas` without tool calls after the first, if `call` takes one at most.

    Not every model can be told to make one call, so the others are dropped for each.
    """
    first: int | None = None
    for delta in deltas:
        if isinstance(delta, ToolDelta) and not call.parallel_tool_calls:
            first = delta.index if first is None else first
            if delta.index != first:
                continue
        yield delta


def keep_wanted_calls(call: Call, reply: Reply) -> Reply:
    """Return `reply` without tool calls after the first, if `call` takes one at most."""
    output = reply.output
    if not isinstance(call, ChatCall) or call.parallel_tool_calls:
        return reply
    if not isinstance(output, ChatOutput) or len(output.tool_calls) <= 1:
        return reply
    kept = output.model_copy(update={"tool_calls": output.tool_calls[:1]})
    return reply.model_copy(update={"output": kept})


@dataclass(slots=True)
class _Tool:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class StreamedAnswer:
    """The answer so far of a stream that is being read, and its times."""

    monotonic: Callable[[], float] = time.monotonic
    started_at: float = field(init=False)
    last_delta_at: float = field(init=False)
    texts: list[str] = field(default_factory=list)
    tools: dict[int, _Tool] = field(default_factory=dict)
    end: StreamEnd | None = None

    def __post_init__(self) -> None:
        """Start the clock."""
        self.started_at = self.last_delta_at = self.monotonic()

    @property
    def has_begun(self) -> bool:
        """Return whether any piece has arrived."""
        return bool(self.texts or self.tools or self.end is not None)

    @property
    def seconds(self) -> float:
        """Return how long the model worked: its own figure, else the time until its last piece."""
        reported = self.end.seconds if self.end is not None else None
        return round(self.last_delta_at - self.started_at if reported is None else reported, 6)

    def add(self, delta: Delta) -> None:
        """Add the next piece."""
        self.last_delta_at = self.monotonic()
        match delta:
            case TextDelta(text):
                self.texts.append(text)
            case ToolDelta(index, id_, name, arguments):
                tool = self.tools.setdefault(index, _Tool())
                tool.id, tool.name = tool.id or id_, tool.name or name
                tool.arguments.append(arguments)
            case StreamEnd():
                self.end = delta

    def usage(self, tokens_in: int) -> Usage:
        """Return the usage; an estimate from the text so far if the stream broke off."""
        if self.end is not None:
            return self.end.usage
        written = "".join((*self.texts, *("".join(t.arguments) for t in self.tools.values())))
        return Usage(tokens_in=tokens_in, tokens_out=estimated_tokens(written))

    def reply(self, model: str, step: RouteStep) -> Reply:
        """Return the whole answer of `model`.

        Raises:
            ModelFailure: the stream ended without its end event.
        """
        if self.end is None:
            raise ModelFailure("The answer broke off.")
        calls = tuple(
            ToolCall(id=tool.id, name=tool.name, arguments="".join(tool.arguments) or "{}")
            for _, tool in sorted(self.tools.items())
        )
        return Reply(
            model=model,
            answered_by=self.end.answered_by or step.route.model_id,
            output=ChatOutput(text="".join(self.texts), tool_calls=calls, finish=self.end.finish),
            usage=self.end.usage,
            seconds=self.seconds,
            service_tier=step.service_tier,
        )
