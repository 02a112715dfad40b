from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.admission import MAX_DELAY_SECONDS, delay_seconds

MAX_SQS_DELAY = 900


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_always_one_that_sqs_takes(deferrals: int, chance: float) -> None:
    assert 1 <= delay_seconds(deferrals, chance) <= MAX_DELAY_SECONDS <= MAX_SQS_DELAY


def test_delays_grow_with_deferrals_up_to_the_longest() -> None:
    delays = [delay_seconds(deferrals, 0.999) for deferrals in range(8)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (2, MAX_DELAY_SECONDS)


def test_what_was_refused_together_does_not_return_together() -> None:
    assert delay_seconds(5, 0.0) < delay_seconds(5, 0.5) < delay_seconds(5, 0.99)
