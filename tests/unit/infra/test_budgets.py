from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.budgets.limits import (
    LimitScope,
    SpendingLimits,
    TenantLimits,
    merge_limits,
    stage_limits,
)
from chalicelib.contracts.budgets import LimitsGiven, TenantLimitsGiven
from chalicelib.errors import InvalidInput
from infra.budgets import describe_limits, with_limits

TENANT = LimitScope("tenant")
STAGE = SpendingLimits(nanodollars_a_day=10**9, requests_a_minute=9)
NOTHING = TenantLimitsGiven()

scopes = st.one_of(
    st.just(TENANT),
    st.builds(LimitScope, st.sampled_from(["key", "model"]), st.sampled_from("*ab")),
)
fields = st.sampled_from(
    ["dollars_a_day", "dollars_a_month", "requests_a_minute", "tokens_a_minute"]
)
amounts = st.integers(0, 1_000_000).map(str) | st.just("none")


def holding(limits: TenantLimitsGiven) -> TenantLimits:
    return merge_limits(STAGE, limits)


def test_should_give_a_limit_and_lift_it_and_leave_it_to_the_stage_again() -> None:
    given_ = with_limits(NOTHING, TENANT, {"dollars_a_day": "2.5"})
    assert holding(given_).tenant == SpendingLimits(2_500_000_000, None, 9, None)
    lifted = with_limits(given_, TENANT, {"dollars_a_day": "none", "requests_a_minute": "none"})
    assert holding(lifted).tenant == SpendingLimits()
    again = with_limits(lifted, TENANT, {"dollars_a_day": "stage", "requests_a_minute": "stage"})
    assert holding(again).tenant == STAGE


def test_should_limit_a_key_by_its_own_or_by_each_s() -> None:
    limits = with_limits(NOTHING, LimitScope("key", "*"), {"requests_a_minute": "5"})
    limits = with_limits(limits, LimitScope("key", "ab12"), {"requests_a_minute": "50"})
    held = holding(limits)
    assert held.for_scope(LimitScope("key", "ab12")).requests_a_minute == 50
    assert held.for_scope(LimitScope("key", "other")).requests_a_minute == 5
    assert held.for_scope(LimitScope("model", "other")) == SpendingLimits()
    assert held.tenant == STAGE


@given(scopes, fields, amounts)
def test_should_take_back_whatever_was_given(scope: LimitScope, field: str, amount: str) -> None:
    limits = with_limits(NOTHING, scope, {field: amount})
    assert len(describe_limits(limits)) == 1
    kept = TenantLimitsGiven.model_validate_json(limits.model_dump_json(exclude_unset=True))
    assert holding(kept) == holding(limits)
    back = with_limits(kept, scope, {field: "stage"})
    assert describe_limits(back) == []
    assert holding(back) == holding(NOTHING)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("dollars_a_day", "five"),
        ("dollars_a_day", "-1"),
        ("dollars_a_day", "NaN"),
        ("dollars_a_day", "Infinity"),
        ("dollars_a_day", "1e10"),
        ("requests_a_minute", "1.5"),
        ("requests_a_minute", "-1"),
        ("tokens_a_minute", "1e13"),
    ],
)
def test_should_refuse_what_is_no_limit(field: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        with_limits(NOTHING, TENANT, {field: text})
    assert refused.value.field == field


def test_should_say_what_was_given_and_nothing_else() -> None:
    limits = TenantLimitsGiven(
        tenant=LimitsGiven(dollars_a_month=Decimal(100), tokens_a_minute=None),
        keys={"*": LimitsGiven(dollars_a_day=Decimal("0.5"))},
    )
    assert describe_limits(limits) == [
        "tenant: 100 dollars a month",
        "tenant: no limit on tokens a minute, in and out",
        "key *: 0.5 dollars a day, in UTC",
    ]


def test_should_take_a_stage_s_parameters_of_which_0_is_no_limit() -> None:
    assert stage_limits(daily="0", monthly="0.5", requests="0", tokens="70") == SpendingLimits(
        None, 500_000_000, None, 70
    )


@pytest.mark.parametrize("text", ["-1", "x", "", "1e99", "nan", "1,5"])
def test_should_refuse_a_stage_s_parameter_that_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidInput, match="DailyDollars"):
        stage_limits(daily=text, monthly="0", requests="0", tokens="0")
    with pytest.raises(InvalidInput, match="TokensAMinute"):
        stage_limits(daily="0", monthly="0", requests="0", tokens=text or "1.0")
