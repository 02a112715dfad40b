"""`/v1/usage` and `/v1/budgets`: the cost of models, and its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, get_args

from chalice.app import Blueprint, ChaliceAuthorizer, Request, Response

from chalicelib.api.http import json_response, query_value, serve_operation, tenant_of, utcnow
from chalicelib.budgets import usage as shown
from chalicelib.budgets.limits import SpendingLimits, day_of, merge_limits
from chalicelib.contracts.budgets import BudgetReport, UsageBy, UsageReport
from chalicelib.contracts.operations import Operation, Parameter
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import LedgerStore
    from chalicelib.wiring.api import ApiParts

MAX_DAYS = 366
_DAY = {"type": "string", "format": "date"}
_USAGE = Operation(
    "usage",
    {200: UsageReport},
    query=(
        Parameter("from", "The first day, in UTC; the first of the month of `to`.", _DAY),
        Parameter(
            "to", f"The last day, in UTC, and at most the {MAX_DAYS}th from `from`; today.", _DAY
        ),
        Parameter(
            "by",
            "What a row is for.",
            {"type": "string", "enum": list(get_args(UsageBy)), "default": "day"},
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class UsageServices:
    """The collaborators of the views; `stage` has the limits of tenants without their own."""

    records: LedgerStore
    stage: SpendingLimits
    now: Callable[[], datetime]


def build_services(parts: ApiParts) -> UsageServices:
    """Return what the views of this module need, built of the stage's `parts`."""
    from chalicelib.wiring.budgets import spending

    records, limits = spending(parts.environ)
    return UsageServices(records=records, stage=limits, now=utcnow)


def routes(services: Callable[[], UsageServices], authorizer: ChaliceAuthorizer) -> Blueprint:
    """Return the views; they call `services` when a request comes, not before."""
    blueprint = Blueprint(__name__)

    @blueprint.route("/v1/usage", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, _USAGE)
    def get_usage() -> Response:
        """Show what models were asked for and what they cost, by day, model, key or collection."""
        return json_response(_usage(blueprint.current_request, services()))

    @blueprint.route("/v1/budgets", methods=["GET"], authorizer=authorizer)
    @serve_operation(blueprint, Operation("usage", {200: BudgetReport}))
    def get_budgets() -> Response:
        """Show every limit on money, requests and tokens, and what is left of it."""
        tenant, deps = tenant_of(blueprint.current_request), services()
        limits = merge_limits(deps.stage, deps.records.limits(tenant))
        return json_response(shown.budget_report(tenant, deps.records, limits, deps.now()))

    return blueprint


def _usage(request: Request, deps: UsageServices) -> UsageReport:
    last = _day_of(request, "to") or day_of(deps.now())
    first = _day_of(request, "from") or last.replace(day=1)
    if not 0 <= (last - first).days < MAX_DAYS:
        raise InvalidInput(
            f"from is {first} and to is {last}; that must be 1 to {MAX_DAYS} days.",
            field="from",
            limit=str(MAX_DAYS),
        )
    return shown.usage_report(tenant_of(request), deps.records, first, last, _by(request))


def _day_of(request: Request, name: str) -> date | None:
    given = query_value(request, name)
    if given is None:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = None
    if day is None or day.isoformat() != given:
        raise InvalidInput(f"{name} is a day such as 2026-11-26.", field=name)
    return day


def _by(request: Request) -> UsageBy:
    given = query_value(request, "by")
    for known in get_args(UsageBy):
        if given == known:
            found: UsageBy = known
            return found
    if given is None:
        return "day"
    raise InvalidInput(f"by is one of {', '.join(get_args(UsageBy))}.", field="by")
