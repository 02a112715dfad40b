"""Judgement of the film benchmark."""

from __future__ import annotations

from benchmarks.film import FilmQuestion, figures, grouped, overlaps

QUESTION = FilmQuestion("said", "harbour", "1.mp4", 10.0, 12.5)


def _hit(start_ms: int, end_ms: int, path: str = "1.mp4") -> dict[str, object]:
    return {"path": path, "start_ms": start_ms, "end_ms": end_ms}


def test_a_hit_is_right_within_the_true_seconds_of_its_film() -> None:
    assert overlaps(QUESTION, _hit(12_400, 60_000))
    assert not overlaps(QUESTION, _hit(12_500, 60_000))
    assert not overlaps(QUESTION, _hit(9_000, 10_000))
    assert not overlaps(QUESTION, _hit(9_000, 13_000, "2.mp4"))
    assert not overlaps(QUESTION, {"path": "1.mp4"})


def test_figures_are_of_one_kind() -> None:
    outcomes = [((QUESTION,), _hit(9_000, 13_000)), ((QUESTION,), None)]

    found = figures("said", outcomes)

    assert (found["questions"], found["right"], found["share"]) == (2, 1, 0.5)
    assert found["median seconds of a hit"] == 4.0
    assert figures("shown", outcomes) == {}


def test_what_two_films_have_is_one_question_and_right_in_either() -> None:
    again = FilmQuestion("said", "harbour", "2.mp4", 40.0, 43.0)
    other = FilmQuestion("written", "harbour", "2.mp4", 1.0, 3.0)

    places, alone = grouped([QUESTION, other, again])

    assert (places, alone) == ((QUESTION, again), (other,))
    assert figures("said", [(places, _hit(41_000, 42_000, "2.mp4"))])["right"] == 1
    assert figures("said", [(places, _hit(41_000, 42_000))])["right"] == 0
