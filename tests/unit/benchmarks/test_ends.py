from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ends import FLOORS, Case, curve, false_answers, score, summary

CASES = [
    Case("a", answerable=True, margin=0.9, right=True),
    Case("b", answerable=True, margin=0.9, right=False),
    Case("c", answerable=True, margin=-0.1, right=True),
    Case("d", answerable=False, margin=0.9, right=False),
    Case("e", answerable=False, margin=-0.1, right=False),
    Case("f", answerable=False, margin=-0.6, right=False),
]


def test_should_count_how_questions_end() -> None:
    assert score(CASES) == {
        "answered rightly": 1,
        "answered wrongly": 2,
        "refused wrongly": 1,
        "refused rightly": 2,
    }
    assert false_answers(CASES) == 1


def test_should_tell_shares_of_what_can_be_answered_and_of_what_cannot() -> None:
    told = summary(CASES)
    assert (told["answerable"], told["unanswerable"]) == (3, 3)
    assert told["answered rightly"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert told["false answers"]["value"] == pytest.approx(1 / 3, abs=1e-3)


@given(
    st.lists(
        st.builds(
            Case,
            st.just("q"),
            st.booleans(),
            st.floats(-2, 2),
            st.booleans(),
        )
    )
)
def test_a_higher_threshold_should_answer_no_more(cases: list[Case]) -> None:
    both = [*CASES, *cases]
    points = curve(both)
    assert [point["floor"] for point in points] == list(FLOORS)
    for share in ("answered rightly", "false answers"):
        shares = [point[share] for point in points]
        assert shares == sorted(shares, reverse=True)
