"""A generator that says what it is told, and requests of API Gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.functions.read_media import DecodedSound
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    Finish,
    Generation,
    Output,
    Terms,
    ToolCall,
    Usage,
)
from chalicelib.contracts.http import Streamed
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.streams import TextDelta, ToolDelta
from functions.stream_chat.route import Deps, Piece, RouteGenerator, SoundDecoder

SAMPLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "functions" / "stream_chat" / "event.json").read_text()
)
REQUEST_ID = SAMPLE["requestContext"]["requestId"]
BEGAN = datetime(2026, 11, 26, tzinfo=UTC)
HELLO = {"role": "user", "content": "Hello"}


def event(route: str, **body: Any) -> dict[str, Any]:
    """A request of `route`."""
    return {**SAMPLE, "resource": route, "path": route, "body": json.dumps(body)}


def generation(*told: TextDelta | ToolDelta, finish: Finish = "stop") -> Generation:
    """The answer that pieces are of."""
    calls: dict[int, ToolCall] = {}
    for piece in told:
        if isinstance(piece, ToolDelta):
            call = calls.get(piece.index) or ToolCall(id=piece.id, name=piece.name, arguments="")
            more = {"arguments": call.arguments + piece.arguments}
            calls[piece.index] = call.model_copy(update=more)
    text = "".join(piece.text for piece in told if isinstance(piece, TextDelta))
    return Generation(
        generation_id="gen_1",
        created_at=BEGAN,
        model="nova-micro",
        answered_by="small",
        output=ChatOutput(text=text, tool_calls=tuple(calls.values()), finish=finish),
        usage=Usage(tokens_in=5, tokens_out=2),
        attempts=(),
        plan=("nova-micro is the cheapest that suffices.",),
        receipt=Receipt(),
    )


class NoSound:
    """Decodes no file: for routes that get none."""

    def decode(self, data: bytes, start_ms: int, correlation_id: str) -> DecodedSound:
        raise AssertionError("no sound is sent here")


def deps_of(
    generator: RouteGenerator,
    log: Callable[[HeadraceError], None] = lambda error: None,
    allowed_origins: str = "none",
    sound: SoundDecoder | None = None,
) -> Deps:
    """The collaborators of a route with a generator; decoding costs a nano-dollar a second."""
    return Deps(generator, log, lambda: BEGAN, allowed_origins, sound or NoSound(), round)


class Saying:
    """Yields what it is told, then the whole; an error is raised where it stands."""

    def __init__(self, *told: TextDelta | ToolDelta | HeadraceError, finish: Finish = "stop"):
        self.told = told
        self.finish: Finish = finish
        self.calls: list[tuple[Call, Terms, Spender]] = []
        self.logged: list[HeadraceError] = []
        self.yielded = 0

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        *_, last = self.stream(call, terms, spender)
        assert isinstance(last, Generation)
        return last

    def stream(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Iterator[Piece]:
        self.calls.append((call, terms, spender))
        said = []
        for piece in self.told:
            if isinstance(piece, HeadraceError):
                raise piece
            said.append(piece)
            self.yielded += 1
            yield piece
        yield generation(*said, finish=self.finish)

    @property
    def deps(self) -> Deps:
        return deps_of(self, self.logged.append)

    @property
    def chat(self) -> ChatCall:
        """The one call that was asked."""
        ((call, _, _),) = self.calls
        assert isinstance(call, ChatCall)
        return call


class Giving:
    """Answers every call with one output."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.calls: list[tuple[Call, Terms]] = []

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        self.calls.append((call, terms))
        return generation().model_copy(update={"output": self.output})

    def stream(
        self,
        call: ChatCall,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Iterator[Piece]:
        yield self.generate(call, terms, spender)

    @property
    def deps(self) -> Deps:
        return deps_of(self)


def body_of(answer: Streamed) -> Any:
    """The JSON of an answer in one piece."""
    return json.loads(b"".join(answer.body))


def events_of(answer: Streamed) -> list[tuple[str, Any]]:
    """The events of a streamed answer by their names, without `[DONE]`."""
    found = []
    for block in b"".join(answer.body).decode().split("\n\n")[:-1]:
        *named, data = block.split("\n")
        name = named[0].removeprefix("event: ") if named else ""
        if data != "data: [DONE]":
            found.append((name, json.loads(data.removeprefix("data: "))))
    return found
