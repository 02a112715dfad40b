"""The choice between the readings of a list by the places of words and by the text of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.extraction.lists import ListDifference, ListReading

CLEARLY_BETTER, ABOUT_AS_GOOD = 0.15, 0.02
"""By how much columns that the text tells have to match better than those that places tell; and
how much worse they may match if their rows are more, and as many as were counted only there."""
SURE_TITLES = 0.55
"""Likeness of titles at which a table is surely the list, though its text reads as other rows."""
_SHORTER = 4
"""How many times as long a list by places is if its text shows but a table beside it."""
MAX_TOTALS = 8
"""Totals below a list that another reading takes for rows, at most."""


def _is_better(written: ListReading, shown: ListReading) -> bool:
    """Return whether the text of the pages tells a list better than the places of its words."""
    if _SHORTER * len(written.rows) < len(shown.rows):
        return False
    if written.score >= shown.score + CLEARLY_BETTER:
        return True
    agree = [each.counted == len(each.rows) for each in (written, shown)]
    more = len(written.rows) > len(shown.rows)
    return more and agree == [True, False] and written.score >= shown.score - ABOUT_AS_GOOD


def chosen_reading(readings: Sequence[ListReading]) -> int:
    """Return the reading to take: one that a sum proves, or what places or text tell better.

    The sum of a page, which is carried to the next, does not prove that the list ends with it.
    """
    proven = [at for at, each in enumerate(readings) if each.summed]
    longest = max(len(each.rows) for each in readings)
    if len(proven) == 1 and len(readings[proven[0]].rows) >= longest - MAX_TOTALS:
        return proven[0]
    return len(readings) - 1 if _is_better(readings[-1], readings[0]) else 0


def doubted_reading(reading: ListReading, *, agreed: bool, alike: float) -> ListReading:
    """Return a reading with a difference if neither its titles nor a second reading confirm it."""
    if not reading.rows:
        reason = "No table with these columns was found."
        return replace(reading, differences=(*reading.differences, ListDifference(1, reason)))
    if agreed or alike >= SURE_TITLES:
        return reading
    page = next(
        (span.page for row in reading.rows for cell in row if cell for span in cell.spans), 1
    )
    reason = "The titles of the columns do not confirm that this table is the list."
    return replace(reading, differences=(*reading.differences, ListDifference(page, reason)))
