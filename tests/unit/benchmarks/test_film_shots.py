"""Judgement of boundaries of shots."""

from __future__ import annotations

from benchmarks.film_shots.drawn_films import Change
from benchmarks.film_shots.measuring import judged

CHANGES = (Change("cut", 2.0, 2.0), Change("fade", 5.0, 6.0), Change("dissolve", 9.0, 9.5))


def test_a_boundary_is_of_the_change_that_it_is_near_and_of_one_only() -> None:
    found = judged([CHANGES], [[2.19, 4.9, 6.1, 7.0, 9.71]])

    assert [found[kind]["found"] for kind in ("cut", "fade", "dissolve")] == [1, 1, 0]
    assert found["boundaries that are none"] == 2


def test_films_are_not_mixed_up() -> None:
    found = judged([CHANGES, (Change("cut", 8.0, 8.0),)], [[8.0], [2.0]])

    assert (found["cut"]["found"], found["cut"]["of"]) == (0, 2)
    assert found["boundaries that are none"] == 2
