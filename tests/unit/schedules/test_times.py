"""The times of a schedule, over clock changes and the odd days of the calendar.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.schedules.times import CronTimes, Timing, check_comes, parse_timing
from localcloud.events.schedule_expressions import (
    AtExpression,
    InvalidSchedule,
    RateExpression,
    parse_cron,
    parse_schedule_expression,
)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
CREATED = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
EARLIEST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
LATEST = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)


def timing(expression: str, zone: str = "UTC", anchor: datetime = CREATED) -> Timing:
    return parse_timing(expression, zone, None, None, anchor)


def times(expression: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next times as the clock on the wall shows them."""
    moment = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    found = timing(expression, zone).first(moment, count)
    return [time.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z") for time in found]


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        (
            *("Europe/Berlin", "cron(30 2 * * ? *)", "2027-03-27T00:00"),
            ["27 02:30 +0100", "28 03:30 +0200", "29 02:30 +0200"],
        ),
        (
            *("Europe/Berlin", "cron(30 2 * * ? *)", "2027-10-30T00:00"),
            ["30 02:30 +0200", "31 02:30 +0200", "01 02:30 +0100"],
        ),
        (
            *("America/New_York", "cron(0,30 2 * * ? *)", "2027-03-14T00:00"),
            ["14 03:00 -0400", "14 03:30 -0400", "15 02:00 -0400"],
        ),
        (
            *("America/New_York", "cron(0/30 1-2 * * ? *)", "2027-11-07T00:00"),
            ["07 01:00 -0400", "07 01:30 -0400", "07 02:00 -0500"],
        ),
        (
            *("Australia/Lord_Howe", "cron(15 2 * * ? *)", "2027-10-02T00:00"),
            ["02 02:15 +1030", "03 02:45 +1100", "04 02:15 +1100"],
        ),
        (
            *("Australia/Lord_Howe", "cron(45 1 * * ? *)", "2027-04-03T00:00"),
            ["03 01:45 +1100", "04 01:45 +1100", "05 01:45 +1030"],
        ),
        (
            *("Pacific/Apia", "cron(0 9 * * ? *)", "2011-12-29T00:00"),
            ["29 09:00 -1000", "31 09:00 +1400", "01 09:00 +1400"],
        ),
        (
            *("Pacific/Apia", "cron(0 9 30 * ? *)", "2011-12-29T00:00"),
            ["31 09:00 +1400", "30 09:00 +1400", "30 09:00 +1400"],
        ),
        (
            *("Europe/Berlin", "at(2027-03-28T02:30:00)", "2027-03-01T00:00"),
            ["28 03:30 +0200"],
        ),
        (
            *("Europe/Berlin", "at(2027-10-31T02:30:00)", "2027-03-01T00:00"),
            ["31 02:30 +0200"],
        ),
        (
            *("UTC", "cron(0 0 29 2 ? *)", "2096-01-01T00:00"),
            ["29 00:00 +0000", "29 00:00 +0000"],
        ),
        (
            *("UTC", "cron(0 23 L * ? *)", "2028-01-01T00:00"),
            ["31 23:00 +0000", "29 23:00 +0000", "31 23:00 +0000"],
        ),
    ],
)
def test_a_clock_change_loses_and_doubles_no_time(
    zone: str, expression: str, after: str, expected: list[str]
) -> None:
    """schedule-types.html#daylist-savings-time; what AWS skips in spring comes as the old clock
    has it.
    """
    assert times(expression, zone, after, len(expected)) == expected


def test_hours_of_a_night_with_a_clock_change_are_one_run_each() -> None:
    """Two walls of a gap's night may be one instant: 02:00 and 03:00 are."""
    for after in ("2027-03-27T12:00", "2027-10-30T12:00"):
        found = times("cron(0 * * * ? *)", "Europe/Berlin", after, 24)
        assert len(set(found)) == 24
    night = times("cron(0 1-4 * * ? *)", "Europe/Berlin", "2027-03-28T00:00", 3)
    assert night == ["28 01:00 +0100", "28 03:00 +0200", "28 04:00 +0200"]


def test_the_day_after_a_leap_day_is_found_in_its_year() -> None:
    found = timing("cron(0 0 29 2 ? *)").first(datetime(2096, 1, 1, tzinfo=UTC), 2)
    assert [time.year for time in found] == [2096, 2104]


def test_a_rate_keeps_its_interval_over_a_clock_change() -> None:
    """schedule-types.html#rate-based: a day is 24 hours."""
    anchor = datetime(2027, 3, 27, 10, 0, 0, 5, tzinfo=UTC)
    daily = timing("rate(1 day)", "Europe/Berlin", anchor)
    assert daily.first(anchor, 2) == (
        datetime(2027, 3, 28, 10, tzinfo=UTC),
        datetime(2027, 3, 29, 10, tzinfo=UTC),
    )


def test_a_schedule_runs_from_its_start_to_its_end() -> None:
    start, end = datetime(2027, 1, 5, 9, tzinfo=UTC), datetime(2027, 1, 7, 9, tzinfo=UTC)
    for expression in ("cron(0 9 * * ? *)", "rate(1 day)"):
        bounded = parse_timing(expression, "UTC", start, end, CREATED)
        assert bounded.first(CREATED, 9) == (start, start + timedelta(days=1), end)
        assert bounded.count(CREATED, end + timedelta(days=9)) == 3
        assert bounded.last(CREATED, end + timedelta(days=9), 2) == (start + timedelta(days=1), end)
        assert bounded.after(end) is None


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("0 2 * * *", "Write cron(0 2 * * ? *)"),
        ("cron(0 2 * * *)", "Write cron(0 2 * * ? *)"),
        ("cron(*/15 9-17 * * 1-5)", "Write cron(0/15 9-17 ? * MON-FRI *)"),
        ("cron(0 2 * * 0,6)", "Write cron(0 2 ? * SUN,SAT *)"),
        ("cron(0 2 * * 7)", "Write cron(0 2 ? * SUN *)"),
        ("cron(0 2 1 * 5)", "cron(0 2 1 * ? *) and, as a second schedule, cron(0 2 ? * FRI *)"),
        ("cron(0 0 2 * * ? *)", "cron(0 2 * * ? *)"),
        ("@daily", "Write cron(0 0 * * ? *)"),
        ("0 2 * * ? *", "Write cron(0 2 * * ? *)"),
        ("cron(0 2 * * * *)", "Write cron(0 2 * * ? *)"),
        ("cron(0 2 * * MON *)", "Write cron(0 2 ? * MON *)"),
        ("cron(0 2 1 * MON *)", "cron(0 2 1 * ? *) and cron(0 2 ? * MON *)"),
        ("cron(0 2 ? * FRI-MON *)", "Write FRI-SAT,SUN-MON"),
        ("cron(60 2 * * ? *)", "minutes '60' must be a number from 0 to 59"),
        ("cron(0 2 * * ? 2200)", "from 1970 to 2199"),
        ("cron(0 2 ? * MON/2 *)", "List the days, such as MON,WED,FRI"),
        ("cron(0 2 ? * 3#1,6#3 *)", "number after # '1,6#3' must be a number from 1 to 5"),
        ("cron(0 0/0 * * ? *)", "The step '0' of the hours must be a number from 1 to 23"),
        ("nightly", "such as cron(0 2 * * ? *)"),
        ("rate(1 week)", "rate(7 days)"),
        ("rate(30 seconds)", "minutes, hours or days"),
        ("rate(0 days)", "a whole number from 1"),
        ("at(2027-01-01T09:00:00Z)", "without an offset"),
        ("at(2027-02-30T09:00:00)", "day is out of range for month"),
    ],
)
def test_a_wrong_expression_is_refused_with_what_to_write(expression: str, advice: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        timing(expression)
    assert caught.value.field == "expression"
    assert advice in caught.value.message


@pytest.mark.parametrize(
    ("zone", "advice"),
    [
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("../Europe/Berlin", "Europe/Berlin"),
        ("+02:00", "Europe/Berlin"),
        ("localtime", ""),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_names(zone: str, advice: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        timing("rate(1 day)", zone)
    assert caught.value.field == "time_zone"
    assert advice in caught.value.message


@pytest.mark.parametrize(
    ("expression", "start", "end", "field", "advice"),
    [
        ("cron(0 0 30 2 ? *)", None, None, "expression", "no month that it names has that day"),
        ("cron(0 0 29 2 ? 2027)", None, None, "expression", "no month that it names has that day"),
        ("cron(0 0 1 1 ? 2020-2024)", None, None, "expression", "its last year is 2024"),
        ("at(2026-11-29T12:00:00)", None, None, "expression", "a time after 2026-11-29T12:00:00Z"),
        ("rate(1 day)", None, CREATED, "end", "choose one after 2026-11-29T12:00:00Z"),
        ("cron(0 0 1 1 ? *)", None, CREATED + timedelta(days=1), "end", "2027-01-01T00:00:00Z"),
        ("rate(1 day)", CREATED, CREATED, "end", "not after the start"),
        ("rate(1 day)", LATEST, None, "start", "1900 to 2199"),
        ("rate(1 day)", EARLIEST, None, "start", "before the year 1"),
        ("cron(0 2 * * ? *)", None, EARLIEST, "end", "before the year 1"),
        ("rate(84181 days)", None, None, "expression", "up to 84180 days"),
        ("at(2027-01-01T00:00:00)", CREATED, None, "start", "leave out the start"),
        ("at(2027-01-01T00:00:00)", None, CREATED, "end", "leave out the start"),
    ],
)
def test_a_time_that_never_comes_is_refused(
    expression: str, start: datetime | None, end: datetime | None, field: str, advice: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_comes(parse_timing(expression, "UTC", start, end, CREATED), CREATED)
    assert caught.value.field == field
    assert advice in caught.value.message


def test_a_time_that_comes_passes_the_check() -> None:
    check_comes(timing("cron(0 0 29 2 ? *)"), CREATED)


def spans(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.lists(number, min_size=1, max_size=3).map(lambda values: ",".join(map(str, values))),
    )


def steps(low: int, high: int) -> st.SearchStrategy[str]:
    stepped = st.tuples(st.one_of(st.just("*"), st.integers(low, high)), st.integers(1, high))
    return st.one_of(spans(low, high), stepped.map(lambda pair: f"{pair[0]}/{pair[1]}"))


MONTHDAYS = st.one_of(steps(1, 31), st.just("L"), st.integers(1, 31).map("{}W".format))
WEEKDAYS = st.one_of(
    spans(1, 7),
    st.sampled_from(["L", "6L", "FRIL", "MON-FRI", "SUN,SAT", "3#2", "TUE#5"]),
)
DAYS = st.one_of(MONTHDAYS.map(lambda day: (day, "?")), WEEKDAYS.map(lambda day: ("?", day)))
CRONS = st.tuples(
    steps(0, 59), st.one_of(steps(0, 23), st.just("0-4")), DAYS, steps(1, 12),
    st.sampled_from(["*", "2011-2040", "2027,2028"]),
).map(lambda it: f"{it[0]} {it[1]} {it[2][0]} {it[3]} {it[2][1]} {it[4]}")  # fmt: skip
NIGHTS = (
    datetime(2011, 12, 29),
    datetime(2018, 11, 3),
    datetime(2027, 3, 13),
    datetime(2027, 3, 27),
    datetime(2027, 4, 3),
    datetime(2027, 10, 2),
    datetime(2027, 10, 30),
    datetime(2027, 11, 6),
)
MOMENTS = st.one_of(
    st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)),
    st.builds(lambda night, seconds: night + timedelta(seconds=seconds), st.sampled_from(NIGHTS),
              st.integers(0, 3 * 86_400)),
).map(lambda moment: moment.replace(tzinfo=UTC))  # fmt: skip


def on_the_wall(cron: CronTimes, time: datetime) -> bool:
    """Whether the clock on the wall shows one of the expression's times at an instant."""
    wall = time.astimezone(cron.zone)
    on_day = next(cron.cron.days_from(wall.date()), None) == wall.date()
    return on_day and wall.hour * 60 + wall.minute in cron.cron.minutes


@given(cron=CRONS, zone=st.sampled_from(ZONES), moment=MOMENTS)
def test_aws_runs_the_same_times_but_those_that_are_skipped(
    cron: str, zone: str, moment: datetime
) -> None:
    """The local cloud's own reading of AWS's page, schedule-types.html#cron-based."""
    ours, theirs = timing(f"cron({cron})", zone), parse_cron(cron)
    assert isinstance(ours.rule, CronTimes)
    wanted: list[datetime] = []
    following = theirs.after(moment, ZoneInfo(zone))
    while following is not None and len(wanted) < 8:
        wanted.append(following)
        following = theirs.after(following, ZoneInfo(zone))
    until = wanted[-1] if len(wanted) == 8 else datetime(2200, 1, 2, tzinfo=UTC)
    found = ours.last(moment, until, ours.count(moment, until))
    assert [time for time in found if on_the_wall(ours.rule, time)] == wanted


@given(
    anchor=MOMENTS,
    moment=MOMENTS,
    value=st.integers(1, 10_000),
    unit=st.sampled_from(["minutes", "hours", "days"]),
    zone=st.sampled_from(ZONES),
)
def test_aws_runs_the_same_rates_and_instants(
    anchor: datetime, moment: datetime, value: int, unit: str, zone: str
) -> None:
    """schedule-types.html#rate-based and #one-time"""
    anchor = anchor.replace(microsecond=0)
    rate = parse_schedule_expression(f"rate({value} {unit})")
    assert isinstance(rate, RateExpression)
    ours = timing(f"rate({value} {unit})", zone, anchor)
    assert ours.after(moment) == rate.after(moment, anchor)
    text = f"at({moment:%Y-%m-%dT%H:%M:%S})"
    once = parse_schedule_expression(text)
    assert isinstance(once, AtExpression)
    # Across zones, Python calls no time of an hour that a clock repeats equal to another.
    theirs = once.in_zone(ZoneInfo(zone)).astimezone(UTC)
    assert timing(text, zone).after(moment - timedelta(days=3)) == theirs


@given(
    fields=st.lists(
        st.text("0123456789*?/-,LW#MONFRIJAN", min_size=1, max_size=4), min_size=6, max_size=6
    )
)
def test_what_aws_refuses_is_refused(fields: list[str]) -> None:
    """schedule-types.html#cron-based"""
    text = " ".join(fields)
    try:
        parse_cron(text)
    except InvalidSchedule:
        with pytest.raises(InvalidInput):
            timing(f"cron({text})")
    else:
        timing(f"cron({text})")


@given(
    cron=CRONS,
    zone=st.sampled_from(ZONES),
    moment=MOMENTS,
    length=st.timedeltas(timedelta(0), timedelta(days=5)),
    wanted=st.integers(1, 5),
)
def test_times_are_counted_as_they_are_listed(
    cron: str, zone: str, moment: datetime, length: timedelta, wanted: int
) -> None:
    ours = timing(f"cron({cron})", zone)
    listed = tuple(time for time in ours.first(moment, 300) if time <= moment + length)
    until = listed[-1] if len(listed) == 300 else moment + length
    assert list(listed) == sorted(set(listed))
    assert ours.count(moment, until) == len(listed)
    assert ours.last(moment, until, wanted) == listed[max(0, len(listed) - wanted) :]
