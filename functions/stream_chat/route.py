"""The collaborators of a route of this function, and the pieces of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel

from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Generation, Terms
from chalicelib.contracts.http import Head, Streamed
from chalicelib.errors import HeadraceError, ModelFailure
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.streams import TextDelta, ToolDelta

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.functions.read_media import DecodedSound
    from chalicelib.contracts.openai.base import ModelCallInput

Piece = TextDelta | ToolDelta | Generation


class RouteGenerator(Protocol):
    """A generator of answers to calls."""

    def generate(self, call: Call, terms: Terms, spender: Spender) -> Generation:
        """Return the answer."""

    def stream(self, call: ChatCall, terms: Terms, spender: Spender) -> Iterator[Piece]:
        """Yield the answer in pieces as the model writes it, and the whole generation last."""


class BoundedRouteGenerator(Protocol):
    """A generator of answers to calls within limits."""

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        """Return the answer."""

    def stream(
        self,
        call: ChatCall,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Iterator[Piece]:
        """Yield the answer in pieces as the model writes it, and the whole generation last."""


class SoundDecoder(Protocol):
    """Decodes sound and film files, as the function `read_media` does."""

    def decode(self, data: bytes, start_ms: int, correlation_id: str) -> DecodedSound:
        """Return the sound of a file from `start_ms` on, up to a pause.

        Raises `InvalidInput` and `Unsupported` with the field `file`.
        """


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of a route; `log` records errors that the caller cannot be told.

    `decoding_cost` is the price in nano-dollars of one answer of `sound` by its seconds.
    """

    generator: RouteGenerator
    log: Callable[[HeadraceError], None]
    now: Callable[[], datetime]
    allowed_origins: str
    sound: SoundDecoder
    decoding_cost: Callable[[float], int]


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """A request of a tenant: its body, its spender, and the id under which it is logged."""

    body: bytes
    spender: Spender
    request_id: str
    content_type: str = "application/json"

    def spender_for(self, request: ModelCallInput) -> Spender:
        """Return the spender of a parsed request, with the end user that it names."""
        return replace(self.spender, end_user=request.end_user)


def chat_output(generation: Generation) -> ChatOutput:
    """Return the output of a chat. Raises `ModelFailure` if the output is not of a chat."""
    if not isinstance(generation.output, ChatOutput):
        raise ModelFailure(f"{generation.model} did not answer in words.")
    return generation.output


def json_answer(body: BaseModel) -> Streamed:
    """Return an answer of JSON in one piece."""
    headers = {"Content-Type": "application/json"}
    return Streamed(Head(200, headers), [body.model_dump_json().encode()])


def text_answer(text: str, media_type: str) -> Streamed:
    """Return an answer of text in one piece."""
    return Streamed(Head(200, {"Content-Type": media_type}), [text.encode()])


def event_stream(events: Iterator[bytes]) -> Streamed:
    """Return an answer of server-sent events."""
    return Streamed(Head(200, dict(_EVENT_STREAM)), events)


_EVENT_STREAM: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
}


def server_sent_event(content: BaseModel, name: str = "") -> bytes:
    """Return one event of a stream, as one line of JSON, with its name if it has one."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {content.model_dump_json()}\n\n".encode()
