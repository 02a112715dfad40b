"""Judgement of the film benchmark."""

from __future__ import annotations

from benchmarks.film import FilmQuestion, figures, overlaps

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
    outcomes = [(QUESTION, _hit(9_000, 13_000)), (QUESTION, None)]

    found = figures("said", outcomes)

    assert (found["questions"], found["right"], found["share"]) == (2, 1, 0.5)
    assert found["median seconds of a hit"] == 4.0
    assert figures("shown", outcomes) == {}
