"""A call before anybody is asked: looked at, screened, planned, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Call, ChatCall, Terms
from chalicelib.generation import check_names, checks, routing, wishes
from chalicelib.generation.dependencies import BOUNDLESS, Bounds, Stage
from chalicelib.generation.trials import Trial

if TYPE_CHECKING:
    from chalicelib.budgets.spending import Spender
    from chalicelib.contracts.screening import Finding
    from chalicelib.generation.check_names import Check


def begin(
    stage: Stage,
    call: Call,
    terms: Terms,
    spender: Spender,
    within: Bounds = BOUNDLESS,
    *,
    streams: bool = False,
) -> Trial:
    """Return a call that nobody was asked for yet.

    Raises:
        NotFound, InvalidInput, Unsupported: nobody can be asked, and why.
        InvalidInput: a schema or a check is none, or the screen refuses the call.
        Throttled, Transient, ModelFailure: the screen could not look at it.
    """
    named = _checks(call, terms.checks)
    checks.require(named, call, stage.judges)
    screened = stage.screened(spender)
    findings: tuple[Finding, ...] = ()
    if screened is not None:
        seen = screened.input(call)
        call, findings = seen.call, seen.findings
    now = stage.now()
    wish = wishes.wish(
        call,
        terms,
        stage.place,
        streams=streams,
        allowed=stage.allowed(spender),
        most_bytes=within.most_bytes,
    )
    prices = stage.accounts.prices
    plan = routing.plan(wish, stage.served, prices, now, stage.guard.health()).require()
    until = _until(stage, within, terms, now)
    own = stage.new_id()
    return Trial(stage, call, spender, wish, plan, named, own, now, until, screened, findings)


def _until(stage: Stage, within: Bounds, terms: Terms, now: datetime) -> float | None:
    """Return until when an answer is of use, by the clock of the stage."""
    ends = [] if within.until is None else [within.until]
    if terms.deadline is not None:
        ends.append(stage.clock() + (terms.deadline - now).total_seconds())
    return min(ends, default=None)


def _checks(call: Call, names: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks that are named, and those that the call itself asks for."""
    wanted = list(names)
    if isinstance(call, ChatCall) and call.json_output is not None:
        own = "json" if call.json_output.json_schema is None else "schema"
        wanted += [] if own in wanted or call.tools else [own]
    return check_names.parse(wanted, call)
