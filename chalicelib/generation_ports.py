"""What generating needs from outside, each with a real and a faked implementation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.generations import (
        Call,
        ChatCall,
        Finish,
        Output,
        Reply,
        ServiceTier,
        Usage,
    )
    from chalicelib.contracts.screening import Finding
    from chalicelib.errors import HeadraceError
    from chalicelib.generation.breaking import Breaker, Ticket
    from chalicelib.generation.served import Route, ServedModel


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
class Ended:
    """How a streamed answer ended. `answered_by` is empty where the backend does not say. `seconds`
    are those that a function of ours worked, None where nobody says but the clock.
    """

    finish: Finish
    usage: Usage
    answered_by: str
    seconds: float | None = None


Delta = TextDelta | ToolDelta | Ended


@dataclass(frozen=True, slots=True)
class Asking:
    """What goes with a call: how soon it is wanted, for whom, and by which request. `seconds` are
    those that it may take, None where nobody counts them.
    """

    tenant: str
    correlation_id: str
    service_tier: ServiceTier = "standard"
    seconds: float | None = None


class Backend(Protocol):
    """What answers calls for the models of one kind of backend."""

    def generate(self, model: ServedModel, route: Route, call: Call, asking: Asking) -> Reply:
        """Return the answer of `model`, asked by `route`.

        Raises:
            Throttled: the model has no room now.
            Transient: it failed in a way that passes.
            InvalidInput: it does not take the call.
            ModelFailure: it gave nothing usable.

        What was used all the same is the error's `usage`; where nobody can know, the error is
        `unaccounted`.
        """

    def stream(
        self, model: ServedModel, route: Route, call: ChatCall, asking: Asking
    ) -> Iterator[Delta]:
        """Yield the answer as it is made, with `Ended` as the last. Raises as `generate` does."""


class Guard(Protocol):
    """How models are, and how fast they may be asked."""

    def health(self) -> Mapping[str, Breaker]:
        """Return the breakers of models by name; one that is not there is closed."""

    def enter(self, model: str, tenant: str) -> Ticket:
        """Wait for the tenant's turn to ask `model`, for a short while at most; return the ticket
        that `left` takes.

        Raises:
            Throttled: the turn would come too late.
            Transient: the model rests, since too many calls failed.
        """

    def left(self, model: str, error: HeadraceError | None, ticket: Ticket = None) -> None:
        """Note that a call that was let through ended, well where there is no `error`."""


@dataclass(frozen=True, slots=True)
class ScreenedInput:
    """A call as models may see it, and what was found in it."""

    call: Call
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ScreenedOutput:
    """An output as it may be given, and what was found in it; or why it may not, in `refusal`."""

    output: Output
    findings: tuple[Finding, ...]
    refusal: str = ""


class Screened(Protocol):
    """What one request is held to, before a model reads it and after one wrote."""

    @property
    def holds_back(self) -> bool:
        """Tell whether an answer has to be whole before any of it is given."""

    def input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it.

        Raises:
            InvalidInput: it is refused.
            Throttled, Transient, ModelFailure: it could not be screened.
        """

    def output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given; raises where it could not be screened."""


class Screen(Protocol):
    """What requests are screened by."""

    def of(self, tenant: str, correlation_id: str) -> Screened | None:
        """Return what holds for a request of the tenant, None where nothing is screened."""
