"""How long a client waits for a call that has some seconds left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.call_limits import client_timeout, with_earlier_usage
from chalicelib.contracts.generations import Usage
from chalicelib.errors import Transient

MOST = 60


@pytest.mark.parametrize(
    ("left", "waits"),
    [
        (None, MOST),
        (0.2, 1),
        (1.9, 1),
        (3.0, 3),
        (4.9, 4),
        (5.0, 5),
        (9.9, 5),
        (10.0, 10),
        (59.9, 55),
        (60.0, 60),
        (200.0, 60),
    ],
)
def test_a_client_should_wait_by_steps_and_by_seconds_below_one(
    left: float | None, waits: int
) -> None:
    assert client_timeout(left, MOST) == waits


@given(st.floats(1, 1_000), st.integers(1, 100))
def test_a_client_should_wait_no_longer_than_is_left_and_half_of_it_at_least(
    left: float, most: int
) -> None:
    waits = client_timeout(left, most)
    assert 1 <= waits <= min(left, most)
    assert 2 * waits >= min(int(left), most)


@pytest.mark.parametrize(
    ("used", "told"), [(Usage(tokens_in=7), Usage(tokens_in=7)), (Usage(), None)]
)
def test_the_seconds_of_earlier_requests_should_be_added_to_those_of_what_fails(
    used: Usage, told: Usage | None
) -> None:
    with pytest.raises(Transient) as raised, with_earlier_usage(used, 0.5):
        raise Transient("gone", seconds=2.0)
    assert (raised.value.usage, raised.value.seconds) == (told, 2.5)
