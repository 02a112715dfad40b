"""A streamed answer gathered from its pieces."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import ChatOutput, Reply, ToolCall, Usage
from chalicelib.errors import ModelFailure
from chalicelib.generation.tokens import estimated_tokens
from chalicelib.generation_ports import Delta, Ended, TextDelta, ToolDelta

if TYPE_CHECKING:
    from chalicelib.generation.routing import Step


@dataclass(slots=True)
class _Tool:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Told:
    """What a stream has told so far."""

    began_at: float = field(default_factory=time.monotonic)
    texts: list[str] = field(default_factory=list)
    tools: dict[int, _Tool] = field(default_factory=dict)
    ended: Ended | None = None

    @property
    def began(self) -> bool:
        """Tell whether anything was told."""
        return bool(self.texts or self.tools or self.ended is not None)

    def take(self, delta: Delta) -> None:
        """Add the next piece."""
        match delta:
            case TextDelta(text):
                self.texts.append(text)
            case ToolDelta(index, id_, name, arguments):
                tool = self.tools.setdefault(index, _Tool())
                tool.id, tool.name = tool.id or id_, tool.name or name
                tool.arguments.append(arguments)
            case Ended():
                self.ended = delta

    def usage(self, tokens_in: int) -> Usage:
        """Return what was used; of a stream that broke off, as far as that can be told."""
        if self.ended is not None:
            return self.ended.usage
        written = "".join((*self.texts, *("".join(t.arguments) for t in self.tools.values())))
        return Usage(tokens_in=tokens_in, tokens_out=estimated_tokens(written))

    def reply(self, model: str, step: Step) -> Reply:
        """Return the whole answer of `model`.

        Raises:
            ModelFailure: the stream ended without saying how.
        """
        if self.ended is None:
            raise ModelFailure("The answer broke off.")
        calls = tuple(
            ToolCall(id=tool.id, name=tool.name, arguments="".join(tool.arguments) or "{}")
            for _, tool in sorted(self.tools.items())
        )
        seconds = self.ended.seconds
        if seconds is None:
            seconds = time.monotonic() - self.began_at
        return Reply(
            model=model,
            answered_by=self.ended.answered_by or step.route.model_id,
            output=ChatOutput(text="".join(self.texts), tool_calls=calls, finish=self.ended.finish),
            usage=self.ended.usage,
            seconds=round(seconds, 6),
            service_tier=step.service_tier,
        )
