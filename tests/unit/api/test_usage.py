from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.http import error_response
from chalicelib.budgets.limits import UNLIMITED
from chalicelib.budgets.reservations import TenantBudgets
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import LimitsGiven, TenantLimitsGiven
from chalicelib.errors import QuotaExceeded, Throttled
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import NOW
from tests.unit.budgets.fakes import Clock, FakeBus

CENT = 10_000_000


def spend(api: Api, days: int = 0, tenant: str = "acme", **used: str | int) -> None:
    """Let a call of a model be settled, `days` from the API's day."""
    clock = Clock(NOW + timedelta(days=days))
    ids = (f"res-{n:08}" for n in range(10**6))
    budgets = TenantBudgets(api.spending, FakeBus(), UNLIMITED, clock, lambda: next(ids), print)
    spender = Spender(tenant, str(used.get("key", "k1")), str(used.get("collection", "")))
    made = budgets.reserve(spender, str(used.get("model", "nova")), MaxCost(CENT, 0))
    budgets.settle(made, ActualCost(int(used.get("nanodollars", CENT)), 10, 3))


def rows(api: Api, query: str) -> Mapping[str, Decimal]:
    """Return the dollars of each row, which add up to the total."""
    shown = api.call("GET", f"/v1/usage{query}").json_body
    found = {row["name"]: Decimal(row["dollars"]) for row in shown["items"]}
    for name in ("requests", "tokens_in", "tokens_out", "images"):
        assert sum(row[name] for row in shown["items"]) == shown["total"][name]
    assert sum(found.values()) == Decimal(shown["total"]["dollars"])
    return found


@pytest.fixture
def api() -> Api:
    api = Api()
    spend(api, -2, key="k1", model="nova", collection="station")
    spend(api, -1, key="k2", model="nova", collection="station")
    spend(api, -1, key="k2", model="claude", nanodollars=CENT // 2)
    spend(api, 0, key="", model="nova", collection="papers")
    spend(api, -1, tenant="rival", key="k3", model="nova")
    return api


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?from=2025-12-31", {"2025-12-31": "0.01", "2026-01-01": "0.015", "2026-01-02": "0.01"}),
        ("?from=2025-12-31&by=model", {"nova": "0.03", "claude": "0.005"}),
        ("?from=2025-12-31&by=key", {"k1": "0.01", "k2": "0.015", "": "0.01"}),
        ("?from=2025-12-31&by=collection", {"station": "0.02", "papers": "0.01", "": "0.005"}),
        ("?from=2026-01-01&to=2026-01-01&by=collection", {"station": "0.01", "": "0.005"}),
        ("", {"2026-01-01": "0.015", "2026-01-02": "0.01"}),
        ("?from=2027-01-01&to=2027-01-31", {}),
        ("?to=0001-01-01", {}),
        ("?to=9999-12-31", {}),
    ],
)
def test_should_show_what_was_used(api: Api, query: str, expected: Mapping[str, str]) -> None:
    assert rows(api, query) == {name: Decimal(dollars) for name, dollars in expected.items()}


def test_should_say_which_days_are_counted_and_by_what(api: Api) -> None:
    shown = api.call("GET", "/v1/usage?by=model").json_body
    said = {name: shown[name] for name in ("first_day", "last_day", "by")}
    assert said == {"first_day": "2026-01-01", "last_day": "2026-01-02", "by": "model"}


def test_should_show_a_tenant_its_own_usage_alone(api: Api) -> None:
    shown = api.call("GET", "/v1/usage", key=OTHER_KEY).json_body
    assert (shown["total"]["requests"], shown["total"]["dollars"]) == (1, "0.010000000")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?from=yesterday", "from"),
        ("?to=20260101", "to"),
        ("?to=2026-W10-1", "to"),
        ("?from=0001-01-01&to=9999-12-31", "from"),
        ("?from=2026-02-30", "from"),
        ("?from=2026-01-03", "from"),
        ("?from=2024-01-01", "from"),
        ("?by=person", "by"),
        ("?since=2026-01-01", "since"),
        ("?from=2026-01-01&from=2026-01-02", "from"),
    ],
)
def test_should_refuse_what_is_no_question(api: Api, query: str, field: str) -> None:
    answer = api.call("GET", f"/v1/usage{query}")
    assert answer.status_code == 400
    assert error_of(answer)["field"] == field


@given(st.text(max_size=20))
def test_should_answer_any_text_for_a_day_by_400_or_as_a_day(text: str) -> None:
    status = Api().call("GET", f"/v1/usage?to={quote(text)}").status_code
    assert status in (200, 400)


def test_should_show_every_limit_and_what_is_left_of_it(api: Api) -> None:
    api.spending.given["acme"] = TenantLimitsGiven(
        tenant=LimitsGiven(dollars_a_month=Decimal("0.02"), requests_a_minute=5),
        keys={"*": LimitsGiven(dollars_a_month=Decimal(1)), "k9": LimitsGiven(tokens_a_minute=7)},
        models={"claude": LimitsGiven(dollars_a_day=Decimal(2))},
    )
    shown = api.call("GET", "/v1/budgets").json_body
    told = {(b["scope"], b["name"], b["period"]): b for b in shown["dollars"]}
    assert set(told) == {
        ("tenant", "", "day"),
        ("tenant", "", "month"),
        ("key", "k2", "month"),
        ("model", "claude", "day"),
    }
    assert told["tenant", "", "day"] == {
        "scope": "tenant",
        "name": "",
        "period": "day",
        "limit": "1.000000000",
        "spent": "0.010000000",
        "reserved": "0.000000000",
        "left": "0.990000000",
        "resets_at": "2026-01-03T00:00:00Z",
    }
    month = told["tenant", "", "month"]
    assert (month["spent"], month["left"]) == ("0.025000000", "0.000000000")
    assert month["resets_at"] == "2026-02-01T00:00:00Z"
    assert [(r["scope"], r["name"], r["measure"], r["left"]) for r in shown["a_minute"]] == [
        ("tenant", "", "requests", 5),
        ("key", "k9", "tokens", 7),
    ]


def test_should_show_what_is_reserved_until_it_expires() -> None:
    api, clock = Api(), Clock(NOW)
    budgets = TenantBudgets(
        api.spending, FakeBus(), UNLIMITED, clock, lambda: "res-00000001", print
    )
    budgets.reserve(Spender("acme"), "nova", MaxCost(CENT, 0), seconds=60)
    (day,) = api.call("GET", "/v1/budgets").json_body["dollars"]
    assert (day["spent"], day["reserved"], day["left"]) == (
        "0.000000000",
        "0.010000000",
        "0.990000000",
    )
    expired = Api()
    clock.passes(seconds=-61)
    budgets = TenantBudgets(
        expired.spending, FakeBus(), UNLIMITED, clock, lambda: "res-00000002", print
    )
    budgets.reserve(Spender("acme"), "nova", MaxCost(CENT, 0), seconds=60)
    (day,) = expired.call("GET", "/v1/budgets").json_body["dollars"]
    assert day["reserved"] == "0.000000000"


@pytest.mark.parametrize("kind", [QuotaExceeded, Throttled])
def test_should_tell_a_refusal_in_its_own_words_with_when_to_come_again(
    kind: type[QuotaExceeded | Throttled],
) -> None:
    told = error_response(kind("Wait.", limit="tenant: $1 a day", retry_after=77), "req")
    assert (told.status_code, told.headers["Retry-After"]) == (429, "77")
    assert '"message":"Wait."' in told.body
    plain = error_response(Throttled("the table of acme"), "req")
    assert plain.headers["Retry-After"] == "1"
    assert "acme" not in plain.body
