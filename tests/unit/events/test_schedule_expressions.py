"""Schedule expressions, https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
and eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.events.schedule_expressions import (
    AtExpression,
    CronExpression,
    InvalidSchedule,
    RateExpression,
    parse_cron,
    parse_schedule_expression,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def fires(expression: str, count: int = 3, zone: str = "UTC", start: datetime = NOW) -> list[str]:
    found = []
    moment: datetime | None = start
    for _ in range(count):
        moment = parse_cron(expression).after(moment, ZoneInfo(zone)) if moment else None
        found.append(moment.strftime("%Y-%m-%d %H:%M") if moment else "never")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 10 * * ? *", ["2026-11-26 10:00", "2026-11-27 10:00", "2026-11-28 10:00"]),
        ("15 12 * * ? *", ["2026-11-25 12:15", "2026-11-26 12:15", "2026-11-27 12:15"]),
        ("0 18 ? * MON-FRI *", ["2026-11-25 18:00", "2026-11-26 18:00", "2026-11-27 18:00"]),
        ("0 8 1 * ? *", ["2026-12-01 08:00", "2027-01-01 08:00", "2027-02-01 08:00"]),
        ("0/15 * * * ? *", ["2026-11-25 12:15", "2026-11-25 12:30", "2026-11-25 12:45"]),
        ("0/5 8-17 ? * MON-FRI *", ["2026-11-25 12:05", "2026-11-25 12:10", "2026-11-25 12:15"]),
        ("0 9 ? * 2#1 *", ["2026-12-07 09:00", "2027-01-04 09:00", "2027-02-01 09:00"]),
        ("0 9 ? * 2#5 *", ["2026-11-30 09:00", "2027-03-29 09:00", "2027-05-31 09:00"]),
        ("0 0 L * ? *", ["2026-11-30 00:00", "2026-12-31 00:00", "2027-01-31 00:00"]),
        ("0 0 ? * 6L *", ["2026-11-27 00:00", "2026-12-25 00:00", "2027-01-29 00:00"]),
        ("0 0 ? * L *", ["2026-11-28 00:00", "2026-12-05 00:00", "2026-12-12 00:00"]),
        ("0 0 1W * ? *", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"]),
        ("0 0 15W 8 ? *", ["2027-08-16 00:00", "2028-08-15 00:00", "2029-08-15 00:00"]),
        ("0 0 31W * ? *", ["2026-12-31 00:00", "2027-01-29 00:00", "2027-03-31 00:00"]),
        ("0 0 1W 8 ? 2027", ["2027-08-02 00:00", "never", "never"]),
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("10 6 ? jan,Mar sun 2027", ["2027-01-03 06:10", "2027-01-10 06:10", "2027-01-17 06:10"]),
        ("1-31/30 1-1 ? * 1,7 *", ["2026-11-28 01:01", "2026-11-28 01:31", "2026-11-29 01:01"]),
        ("0 0 1 1 ? 2020", ["never", "never", "never"]),
    ],
)
def test_a_cron_expression_fires_when_aws_says(expression: str, expected: list[str]) -> None:
    """schedule-types.html#cron-based"""
    assert fires(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "* * * * * *",
        "* * ? * ? *",
        "60 * * * ? *",
        "* 24 * * ? *",
        "* * 0 * ? *",
        "* * 32 * ? *",
        "* * * 13 ? *",
        "* * ? * 0 *",
        "* * ? * 8 *",
        "* * ? * 2#6 *",
        "* * ? * MOON *",
        "* * ? * 1/2 *",
        "* * ? * */2 *",
        "* * * * ? 1969",
        "* * * * ? 2200",
        "5-1 * * * ? *",
        "*/0 * * * ? *",
        "*/x * * * ? *",
        "-1 * * * ? *",
        "* * W * ? *",
        "* * L-3 * ? *",
        "",
    ],
)
def test_a_bad_cron_expression_is_refused(expression: str) -> None:
    """schedule-types.html#cron-based"""
    with pytest.raises(InvalidSchedule):
        parse_cron(expression)


def test_a_wall_clock_time_that_daylight_saving_skips_does_not_fire() -> None:
    """schedule-types.html#daylist-savings-time: skipped in spring."""
    start = datetime(2027, 3, 12, 12, tzinfo=UTC)
    assert fires("30 2 * * ? *", 3, "America/New_York", start) == [
        "2027-03-13 07:30",
        "2027-03-15 06:30",
        "2027-03-16 06:30",
    ]


def test_a_wall_clock_time_that_comes_twice_fires_once() -> None:
    """schedule-types.html#daylist-savings-time: once in autumn."""
    start = datetime(2027, 11, 6, 12, tzinfo=UTC)
    assert fires("30 1 * * ? *", 2, "America/New_York", start) == [
        "2027-11-07 05:30",
        "2027-11-08 06:30",
    ]


@st.composite
def simple_crons(draw: st.DrawFn) -> str:
    def field(low: int, high: int, *, steps: bool = True) -> str:
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, high))
        stepped = [f"{first}/{step}", f"*/{step}"] if steps else []
        return draw(st.sampled_from(["*", f"{first}", f"{first}-{last}", f"{first},{last}",
                                     *stepped]))  # fmt: skip

    monthday, weekday = draw(
        st.sampled_from(
            [
                (field(1, 31), "?"),
                ("L", "?"),
                ("?", field(1, 7, steps=False)),
                ("?", "3L"),
                ("?", "4#2"),
            ]
        )
    )
    return f"{field(0, 59)} {field(0, 23)} {monthday} {field(1, 12)} {weekday} *"


def named(field: str, value: int, low: int, high: int) -> bool:
    """Whether `field` names `value`, read part by part."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if first == "*" else int(first)
        end = int(last) if last else (high if first == "*" or step else start)
        if start <= value <= end and (value - start) % int(step or 1) == 0:
            return True
    return False


def due(expression: str, moment: datetime) -> bool:
    """Whether a cron expression names this minute, asked of the calendar directly."""
    minute, hour, monthday, month, weekday, _ = expression.split()
    last = calendar.monthrange(moment.year, moment.month)[1]
    number = moment.isoweekday() % 7 + 1
    if weekday == "?":
        day = moment.day == last if monthday == "L" else named(monthday, moment.day, 1, 31)
    elif weekday.endswith("L"):
        day = number == int(weekday[0]) and moment.day + 7 > last
    elif "#" in weekday:
        day = number == int(weekday[0]) and (moment.day - 1) // 7 + 1 == int(weekday[2])
    else:
        day = named(weekday, number, 1, 7)
    return (
        day
        and named(minute, moment.minute, 0, 59)
        and named(hour, moment.hour, 0, 23)
        and named(month, moment.month, 1, 12)
    )


@given(
    expression=simple_crons(),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
)
def test_the_next_firing_is_due_and_nothing_before_it_is(expression: str, start: datetime) -> None:
    """schedule-types.html#cron-based"""
    following = parse_cron(expression).after(start)
    horizon = start.replace(second=0, microsecond=0)
    if following is not None:
        assert following > start
        assert due(expression, following)
    for minute in range(1, 3000):
        moment = horizon + timedelta(minutes=minute)
        if following is not None and moment >= following:
            break
        assert not due(expression, moment)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    expression=st.sampled_from(["*/20 * * * ? *", "30 2 * * ? *", "0 1-3 * * ? *"]),
)
def test_firings_only_go_forward_in_every_zone(start: datetime, zone: str, expression: str) -> None:
    """schedule-types.html#time-zones"""
    cron = parse_cron(expression)
    moment = start
    for _ in range(5):
        following = cron.after(moment, ZoneInfo(zone))
        assert following is not None
        assert following > moment
        assert due(expression, following.astimezone(ZoneInfo(zone)))
        moment = following


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 days)", 172800)],
)
def test_a_rate_counts_from_its_anchor(text: str, seconds: int) -> None:
    """schedule-types.html#rate-based"""
    rate = parse_schedule_expression(text, strict=True)
    assert isinstance(rate, RateExpression)
    assert rate.after(NOW - timedelta(seconds=1), NOW) == NOW
    assert rate.after(NOW, NOW) == NOW + timedelta(seconds=seconds)
    assert rate.after(NOW + timedelta(seconds=seconds * 2.5), NOW) == NOW + 3 * rate.interval


def test_rules_are_strict_about_units_and_scheduler_is_not() -> None:
    """eb-scheduled-rule-pattern.html: a singular unit for 1, a plural one for more."""
    for text in ("rate(1 hours)", "rate(2 hour)"):
        parse_schedule_expression(text)
        with pytest.raises(InvalidSchedule):
            parse_schedule_expression(text, strict=True)


@pytest.mark.parametrize(
    "text",
    ["rate(0 minutes)", "rate(1 week)", "rate(5)", "every(5 minutes)", "at(2026-13-01T00:00:00)",
     "at(2026-11-25)", "cron()", "", "rate(5 minutes) "],
)  # fmt: skip
def test_a_bad_schedule_is_refused(text: str) -> None:
    """schedule-types.html"""
    with pytest.raises(InvalidSchedule):
        parse_schedule_expression(text)


def test_at_is_a_wall_clock_time_and_no_schedule_of_a_rule() -> None:
    """schedule-types.html#one-time"""
    at = parse_schedule_expression("at(2026-11-25T13:00:00)")
    assert isinstance(at, AtExpression)
    assert at.in_zone(ZoneInfo("Europe/Berlin")) == NOW
    with pytest.raises(InvalidSchedule):
        parse_schedule_expression("at(2026-11-25T13:00:00)", strict=True)
    assert isinstance(parse_schedule_expression("cron(0 10 * * ? *)", strict=True), CronExpression)
