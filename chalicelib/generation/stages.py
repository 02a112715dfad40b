"""What answering calls stands on, and how long and how large an answer may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.budget_ports import Budgets, Spender
    from chalicelib.errors import HeadraceError
    from chalicelib.generation.accounts import Accounts
    from chalicelib.generation.checks import Judge
    from chalicelib.generation.served import Served
    from chalicelib.generation.wishes import Place
    from chalicelib.generation_ports import Backend, Guard, Screen, Screened


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds whoever asks: `until` when it waits, in seconds by the stage's clock, and how
    many bytes of an answer it can carry; None where nothing does.
    """

    until: float | None = None
    most_bytes: int | None = None


BOUNDLESS = Bounds()


@dataclass(frozen=True, slots=True)
class Stage:
    """What answering stands on, the same for each call; backends are by their kind.

    `log` hears what no caller is told: what a service said, or that a cost could not be counted.
    Without a `screen` nothing is screened. `models_of` returns the models that a tenant may use,
    None for all.
    """

    served: Served
    accounts: Accounts
    place: Place
    backends: Mapping[str, Backend]
    budgets: Budgets
    guard: Guard
    judges: Mapping[str, Judge]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    log: Callable[[HeadraceError], None]
    screen: Screen | None = None
    clock: Callable[[], float] = time.monotonic
    models_of: Callable[[str], frozenset[str] | None] = lambda tenant: None

    def allowed(self, spender: Spender) -> frozenset[str] | None:
        """Return the models that the spender may use, None for all."""
        return self.models_of(spender.tenant)

    def screened(self, spender: Spender) -> Screened | None:
        """Return what a request of the spender is held to."""
        if self.screen is None:
            return None
        return self.screen.of(spender.tenant, spender.correlation_id)
