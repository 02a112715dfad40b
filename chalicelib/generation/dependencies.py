"""What answering calls stands on, and how long and how large an answer may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.spending import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.generation.streams import Delta

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation
    from chalicelib.contracts.generations import Call, ChatCall, Output, Reply, ServiceTier
    from chalicelib.contracts.screening import Finding
    from chalicelib.errors import HeadraceError
    from chalicelib.generation.checks import AnswerJudge
    from chalicelib.generation.models import ModelRoute, ServedModel, ServedModels
    from chalicelib.generation.rate_limits.breaker import Breaker, ProbeTicket
    from chalicelib.generation.receipts import CostModel
    from chalicelib.generation.requirements import CallRegion


class Budgets(Protocol):
    """The budgets of all tenants."""

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Take `most` off every limit that holds for the spender and the model, or off none.

        What is not settled or released within `seconds` is given back by whoever comes next.

        Raises:
            QuotaExceeded: it could cost more than is left of a budget in dollars.
            Throttled: it is more than a minute still has of requests or tokens.
            Unsupported: it has no price, and dollars are limited.
            NotFound: there is no such tenant, or it is being removed.
            Transient: the records could not be written.
        """

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Count what was used, be it less or more than was reserved; may be repeated."""

    def release(self, reservation: Reservation) -> None:
        """Give all of a reservation back: nothing was used; may be repeated."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What goes with a call: how soon it is wanted, for whom, and by which request. `seconds` are
    those that it may take, None where nobody counts them.
    """

    tenant: str
    correlation_id: str
    service_tier: ServiceTier = "standard"
    seconds_left: float | None = None


class Backend(Protocol):
    """What answers calls for the models of one kind of backend."""

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
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
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        """Yield the answer as it is made, with `Ended` as the last. Raises as `generate` does."""


class CallGuard(Protocol):
    """How models are, and how fast they may be asked."""

    def health(self) -> Mapping[str, Breaker]:
        """Return the breakers of models by name; one that is not there is closed."""

    def admit(self, model: str, tenant: str) -> ProbeTicket:
        """Wait for the tenant's turn to ask `model`, for a short while at most; return the ticket
        that `left` takes.

        Raises:
            Throttled: the turn would come too late.
            Transient: the model rests, since too many calls failed.
        """

    def record_end(
        self, model: str, error: HeadraceError | None, ticket: ProbeTicket = None
    ) -> None:
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


class ScreeningSession(Protocol):
    """What one request is held to, before a model reads it and after one wrote."""

    @property
    def needs_whole_answer(self) -> bool:
        """Tell whether an answer has to be whole before any of it is given."""

    def screen_input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it.

        Raises:
            InvalidInput: it is refused.
            Throttled, Transient, ModelFailure: it could not be screened.
        """

    def screen_output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given; raises where it could not be screened."""


class RequestScreen(Protocol):
    """What requests are screened by."""

    def open_session(self, tenant: str, correlation_id: str) -> ScreeningSession | None:
        """Return what holds for a request of the tenant, None where nothing is screened."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What bounds whoever asks: `until` when it waits, in seconds by the stage's clock, and how
    many bytes of an answer it can carry; None where nothing does.
    """

    deadline: float | None = None
    max_bytes: int | None = None


NO_LIMITS = CallLimits()


@dataclass(frozen=True, slots=True)
class GenerationDeps:
    """What answering stands on, the same for each call; backends are by their kind.

    `log` hears what no caller is told: what a service said, or that a cost could not be counted.
    Without a `screen` nothing is screened. `models_of` returns the models that a tenant may use,
    None for all.
    """

    models: ServedModels
    cost_model: CostModel
    call_region: CallRegion
    backends: Mapping[str, Backend]
    budgets: Budgets
    guard: CallGuard
    judges: Mapping[str, AnswerJudge]
    utcnow: Callable[[], datetime]
    new_id: Callable[[], str]
    on_error: Callable[[HeadraceError], None]
    screen: RequestScreen | None = None
    monotonic: Callable[[], float] = time.monotonic
    allowed_models: Callable[[str], frozenset[str] | None] = lambda tenant: None

    def models_allowed_for(self, spender: Spender) -> frozenset[str] | None:
        """Return the models that the spender may use, None for all."""
        return self.allowed_models(spender.tenant)

    def open_screening(self, spender: Spender) -> ScreeningSession | None:
        """Return what a request of the spender is held to."""
        if self.screen is None:
            return None
        return self.screen.open_session(spender.tenant, spender.correlation_id)
