"""The table of languages is what the pinned babel, dateparser and price-parser say."""

from __future__ import annotations

from infra.locale_tables import TABLE, written


def test_the_table_is_the_one_of_the_pinned_libraries() -> None:
    is_fresh = written() == TABLE.read_text(encoding="utf-8")  # Too long to be shown.
    assert is_fresh, "python -m infra.locale_tables writes it"
