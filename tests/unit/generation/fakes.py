"""A generator with fakes around it: models by a script, budgets and a guard in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import Reservation
from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Finish, Reply, Usage
from chalicelib.errors import HeadraceError, Unsupported
from chalicelib.generation.dependencies import CallContext, GenerationDeps
from chalicelib.generation.executor import Generator
from chalicelib.generation.models import ModelRoute, ServedModel, ServedModels
from chalicelib.generation.pricing import Prices
from chalicelib.generation.rate_limits.breaker import Breaker, ProbeTicket
from chalicelib.generation.receipts import CostModel
from chalicelib.generation.streams import Delta, StreamEnd, TextDelta
from tests.unit.generation import planning

SMALL, LARGE = planning.model("small", tier=1), planning.model("large", tier=3)
MODELS = planning.served(SMALL, LARGE)
PRICES = planning.prices(small=("1", "1"), large=("10", "10"))

Answer = str | Reply | BaseException


@dataclass
class Scripted:
    """Answers calls by a script for each model, and remembers what it was asked."""

    script: dict[str, list[Answer]]
    asked: list[tuple[str, Call]] = field(default_factory=list)
    asking: list[CallContext] = field(default_factory=list)

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
        self.asking.append(asking)
        self.asked.append((model.name, call))
        answer = self.script[model.name].pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Reply) else said(model.name, answer)

    def stream(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        self.asked.append((model.name, call))
        for answer in self.script[model.name]:
            if isinstance(answer, BaseException):
                raise answer
            assert isinstance(answer, str)
            yield TextDelta(answer)
        yield StreamEnd("stop", Usage(tokens_in=10, tokens_out=4), "")


def said(model: str, text: str, finish: Finish = "stop") -> Reply:
    return Reply(
        model=model,
        answered_by=f"{model}-really",
        output=ChatOutput(text=text, finish=finish),
        usage=Usage(tokens_in=10, tokens_out=4),
        seconds=0.5,
    )


@dataclass
class Purse:
    """Budgets in memory: what is reserved, what was spent, and what refuses.

    `limited` says that dollars are; `refused` is by models; settling fails as often as there are
    errors in `unsettled`.
    """

    refuses: HeadraceError | None = None
    limited: bool = False
    refused: dict[str, HeadraceError] = field(default_factory=dict)
    unsettled: list[HeadraceError] = field(default_factory=list)
    reserved: dict[str, int] = field(default_factory=dict)
    most: list[int] = field(default_factory=list)
    spent: list[ActualCost] = field(default_factory=list)

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        if self.refuses is not None:
            raise self.refuses
        if model in self.refused:
            raise self.refused[model]
        if self.limited and most.nanodollars is None:
            raise Unsupported(f"{model} has no price.", field="model")
        nanodollars = most.nanodollars or 0
        now = planning.NOW
        made = Reservation(
            reservation_id=f"reserved-{len(self.most)}",
            tenant=spender.tenant,
            key=spender.key,
            model=model,
            tokens=most.tokens,
            nanodollars=nanodollars,
            day=now.date(),
            made_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )
        self.most.append(nanodollars)
        self.reserved[made.reservation_id] = nanodollars
        return made

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        if self.unsettled:
            raise self.unsettled.pop()
        del self.reserved[reservation.reservation_id]
        self.spent.append(used)

    def release(self, reservation: Reservation) -> None:
        del self.reserved[reservation.reservation_id]


@dataclass
class Watch:
    """A guard that lets everyone in but whom it names, and remembers how calls ended."""

    full: Mapping[str, BaseException] = field(default_factory=dict)
    ended: list[tuple[str, str]] = field(default_factory=list)

    def health(self, tenant: str) -> Mapping[str, Breaker]:
        return {}

    def admit(self, model: str, tenant: str) -> ProbeTicket:
        if model in self.full:
            raise self.full[model]
        return 7.0

    def record_end(
        self, model: str, tenant: str, error: HeadraceError | None, ticket: ProbeTicket = None
    ) -> None:
        assert ticket == 7.0
        self.ended.append((model, type(error).__name__ if error is not None else ""))


@dataclass
class House:
    """A generator with fakes around it."""

    script: dict[str, list[Answer]]
    purse: Purse = field(default_factory=Purse)
    watch: Watch = field(default_factory=Watch)
    log: list[HeadraceError] = field(default_factory=list)
    models: ServedModels = MODELS
    prices: Prices = field(default_factory=lambda: PRICES)
    clock: float = 0.0

    def __post_init__(self) -> None:
        self.backend = Scripted(self.script)
        self.generator = Generator(
            GenerationDeps(
                models=self.models,
                cost_model=CostModel(self.models, self.prices),
                call_region=planning.HOME,
                backends={"bedrock": self.backend, "function": self.backend},
                budgets=self.purse,
                guard=self.watch,
                judges={},
                utcnow=lambda: planning.NOW,
                new_id=lambda: "gen-1",
                on_error=self.log.append,
                monotonic=lambda: self.clock,
            )
        )

    def asked(self) -> list[str]:
        return [model for model, _ in self.backend.asked]

    def is_even(self) -> bool:
        """Tell whether nothing stays reserved."""
        return not self.purse.reserved
