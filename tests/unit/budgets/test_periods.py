from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.budgets.limits import (
    after_day,
    after_minute,
    after_month,
    day_of,
    minute_of,
    month_of,
    seconds_until,
)

zones = st.builds(lambda hours: timezone(timedelta(hours=hours)), st.integers(-12, 14))
moments = st.datetimes(datetime(2000, 1, 2), datetime(2090, 12, 31), timezones=zones)
TINY = timedelta(microseconds=1)


@given(moments)
def test_should_begin_the_next_period_right_after_the_last_moment_of_this_one(
    moment: datetime,
) -> None:
    day = day_of(moment)
    assert day_of(after_day(day)) != day_of(after_day(day) - TINY) == day
    month = after_month(day)
    assert month_of(day_of(month)) != month_of(day_of(month - TINY)) == month_of(day)
    minute = after_minute(moment)
    assert minute_of(minute) != minute_of(minute - TINY) == minute_of(moment)


@given(moments)
def test_should_be_in_the_next_period_after_the_seconds_that_a_caller_waits(
    moment: datetime,
) -> None:
    ends = (after_minute(moment), after_day(day_of(moment)), after_month(day_of(moment)))
    for end in ends:
        waited = seconds_until(end, moment)
        assert moment + timedelta(seconds=waited) >= end
        assert moment + timedelta(seconds=waited - 1) < end


def test_should_count_in_utc() -> None:
    evening = datetime(2026, 11, 30, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert day_of(evening).isoformat() == "2026-12-01"
    assert after_month(day_of(evening)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert minute_of(evening) == "2026-12-01T04:30"
