"""ULIDs: their order, their form, and those that follow from a seed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given as holds_for
from hypothesis import strategies as st

from chalicelib.jobs.ulids import ULID_PATTERN, ulid, ulid_of


@holds_for(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9999, 1, 1)),
    st.integers(min_value=1, max_value=10**9),
)
def test_ulids_sort_as_they_were_made(moment: datetime, later: int) -> None:
    first = moment.replace(tzinfo=UTC)
    one = ulid(first)
    assert re.fullmatch(ULID_PATTERN, one)
    assert one[:10] <= ulid(first + timedelta(milliseconds=later))[:10]
    assert ulid(first, chance=1) < ulid(first, chance=2)


@holds_for(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 2)), st.text())
def test_a_ulid_of_a_seed_should_be_the_same_each_time(moment: datetime, seed: str) -> None:
    made = ulid_of(moment, seed)
    assert re.fullmatch(ULID_PATTERN, made)
    assert made == ulid_of(moment, seed) != ulid_of(moment, seed + "x")
    assert made[:10] == ulid(moment)[:10]


def test_a_ulid_is_the_one_of_the_specification() -> None:
    # https://github.com/ulid/spec: 1469918176385 ms is 01ARYZ6S41
    moment = datetime.fromtimestamp(1469918176.385, UTC)
    assert ulid(moment).startswith("01ARYZ6S41")
