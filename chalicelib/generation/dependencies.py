"""The collaborators of a generation as protocols, and the limits of a caller."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.generation.streams import Delta

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation
    from chalicelib.contracts.generations import Call, ChatCall, Output, Reply, ServiceTier
    from chalicelib.contracts.screening import Finding
    from chalicelib.errors import HeadraceError
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.checks import AnswerJudge
    from chalicelib.generation.models import ModelRoute, ServedModel, ServedModels
    from chalicelib.generation.rate_limits.breaker import Breaker, ProbeTicket
    from chalicelib.generation.receipts import CostModel
    from chalicelib.generation.requirements import CallRegion


class Budgets(Protocol):
    """The budgets of all tenants: one call at a time, or leased for several."""

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Reserve `most` from every limit of the spender and the model, or from none.

        A reservation that is not settled or released within `seconds` expires and is given back.

        Raises:
            QuotaExceeded: it could cost more than is left of a budget in dollars.
            Throttled: it is more than a minute still has of requests or tokens.
            Unsupported: the model has no price, and dollars are limited.
            NotFound: there is no such tenant, or it is being removed.
            Transient: the records could not be written.
        """

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge `used`, which may be less or more than was reserved; idempotent."""

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back, as nothing was used; idempotent."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """The context of a call: tenant, request and service tier.

    `seconds_left` is how long the answer may take, None without a deadline. `caller` is a hash of
    whom the call is for, and `variant` the variant of the model that has to answer, "" for any.
    """

    tenant: str
    correlation_id: str
    service_tier: ServiceTier = "standard"
    seconds_left: float | None = None
    caller: str = ""
    variant: str = ""


class Backend(Protocol):
    """Calls the models of one kind of backend: Bedrock, endpoints, or functions."""

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
        """Return the answer of `model`, called by `route`.

        Raises:
            Throttled: the model has no capacity now.
            Transient: it failed, and a retry may succeed.
            InvalidInput: it does not accept the call.
            ModelFailure: it returned nothing usable.

        The error's `usage` is what was used all the same; if that is unknown, the error is
        `unaccounted`.
        """

    def stream(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        """Yield the answer in pieces, with a `StreamEnd` last. Raises as `generate` does."""


class CallGuard(Protocol):
    """Protects models: circuit breakers and rate limits, by the name of a model's capacity."""

    def health(self, tenant: str) -> Mapping[str, Breaker]:
        """Return the circuit breakers that hold for a tenant by name; a missing one is closed."""

    def admit(self, model: str, tenant: str) -> ProbeTicket:
        """Wait briefly for the tenant's turn to call `model`; return the ticket for `record_end`.

        Raises:
            Throttled: the turn would come too late.
            Transient: the breaker is open, since too many calls of the tenant, or of many, failed.
        """

    def record_end(
        self, model: str, tenant: str, error: HeadraceError | None, ticket: ProbeTicket = None
    ) -> None:
        """Record that an admitted call ended, successfully if there is no `error`."""


@dataclass(frozen=True, slots=True)
class ScreenedInput:
    """A call as models may see it, and the findings of the screening."""

    call: Call
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ScreenedOutput:
    """An output as it may be given, with findings; `refusal` is the reason if it may not."""

    output: Output
    findings: tuple[Finding, ...]
    refusal: str = ""


class ScreeningSession(Protocol):
    """The screening of one request, before a model reads it and after it answered."""

    @property
    def needs_whole_answer(self) -> bool:
        """Return whether the answer must be whole before any of it is given."""

    def screen_input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it.

        Raises:
            InvalidInput: it is refused.
            Throttled, Transient, ModelFailure: it could not be screened.
        """

    def screen_output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given; raises if it could not be screened."""


class RequestScreen(Protocol):
    """Opens the screening of a request."""

    def open_session(self, tenant: str, correlation_id: str) -> ScreeningSession | None:
        """Return the screening of a request of the tenant, None if nothing is screened."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of a caller; None means no limit.

    `deadline` is when it stops waiting, in seconds of `GenerationDeps.monotonic`; `max_bytes` is
    the largest answer that it can carry.
    """

    deadline: float | None = None
    max_bytes: int | None = None


NO_LIMITS = CallLimits()


@dataclass(frozen=True, slots=True)
class GenerationDeps:
    """The collaborators of every generation of a deployment stage.

    Attributes:
        backends: by their kind.
        on_error: called with errors that no caller is told, such as an uncounted cost.
        screen: None where nothing is screened.
        allowed_models: returns the models that a tenant may use, None for all.
        stage_models: returns the models and prices as they are now, with those that an operator
            added; None where `models` never change.
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
    stage_models: Callable[[], StageModels] | None = None

    def refreshed(self) -> GenerationDeps:
        """Return the collaborators with the models as they are now, for one call."""
        if self.stage_models is None:
            return self
        now = self.stage_models()
        if now.models is self.models:
            return self
        from chalicelib.generation.receipts import CostModel

        return replace(self, models=now.models, cost_model=CostModel(now.models, now.prices))

    def models_allowed_for(self, spender: Spender) -> frozenset[str] | None:
        """Return the models that the spender may use, None for all."""
        return self.allowed_models(spender.tenant)

    def open_screening(self, spender: Spender) -> ScreeningSession | None:
        """Return the screening of a request of the spender, None if nothing is screened."""
        if self.screen is None:
            return None
        return self.screen.open_session(spender.tenant, spender.correlation_id)
