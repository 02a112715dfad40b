"""One paid call of one model: reserve, call, settle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.budgets.spending import ActualCost
from chalicelib.contracts.generations import Usage
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation
    from chalicelib.generation.dependencies import GenerationDeps
    from chalicelib.generation.rate_limits.breaker import ProbeTicket
    from chalicelib.generation.router import RouteStep
    from chalicelib.generation.tokens import TokenLoad


SETTLE_TRIES = 3
"""Tries at counting what was used, each with the retries of its adapter."""


@dataclass(slots=True)
class ModelCall:
    """A model that may be asked now. `load` is the most that the call uses, `reserved` its price,
    and `ticket` what the guard let it through by.
    """

    stage: GenerationDeps
    step: RouteStep
    load: TokenLoad
    reserved: Reservation
    ticket: ProbeTicket
    ended: bool = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Count all that was reserved where the block breaks off by what nobody foresaw."""
        try:
            yield
        except BaseException as error:
            if not self.ended:
                self.settle_all(HeadraceError(f"A call broke off: {type(error).__name__}."))
            raise

    def settle(self, usage: Usage, error: HeadraceError | None = None, seconds: float = 0.0) -> int:
        """Count what was used, and return what it cost in nano-dollars."""
        self._leave(error)
        cost = self.stage.cost_model.actual_cost(self.step, usage, seconds)
        self._count(ActualCost(cost, usage.tokens_in, usage.tokens_out, usage.images))
        return cost

    def settle_all(self, error: HeadraceError) -> tuple[Usage, int]:
        """Count all that was reserved, as the call may have been billed whole; return it."""
        self._leave(error)
        load, cost = self.load, self.reserved.nanodollars
        usage = Usage(tokens_in=load.tokens_in, tokens_out=load.tokens_out, images=load.images)
        self._count(ActualCost(cost, load.tokens_in, load.tokens_out, load.images))
        return usage, cost

    def release(self, error: HeadraceError) -> None:
        """Note that the call failed, and give all of it back: nothing was used."""
        self._leave(error)
        self.give_back()

    def give_back(self) -> None:
        """Give back what was reserved; what cannot be given back expires by itself."""
        try:
            self.stage.budgets.release(self.reserved)
        except HeadraceError as unreleased:
            self.stage.on_error(unreleased)

    def _leave(self, error: HeadraceError | None) -> None:
        self.ended = True
        self.stage.guard.record_end(self.step.model, error, self.ticket)

    def _count(self, used: ActualCost) -> None:
        """Settle; the answer is there and is given even where it cannot be counted."""
        for left in reversed(range(SETTLE_TRIES)):
            try:
                self.stage.budgets.settle(self.reserved, used)
            except HeadraceError as error:
                if not left:
                    self.stage.on_error(error)
            else:
                return
