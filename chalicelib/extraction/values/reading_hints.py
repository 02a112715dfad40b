"""How a document writes numbers and dates, as told from its own unambiguous ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadingHints:
    """How ambiguous numbers and dates are read.

    Attributes:
        language: The ISO 639 code of the document's language, "" if unknown.
        region: The ISO 3166 code of the country it comes from, "" if unknown. Decides the number
            plan of phone numbers without a country code.
        decimal_mark: "." or ",", "" if unknown.
        day_first: Whether 03/04 is the third of April; None if unknown.
        latest_year: The year at which two-digit years end: 26 is 2026 if this is 2030, and 1926 if
            it is 2020.
    """

    language: str = ""
    region: str = ""
    decimal_mark: str = ""
    day_first: bool | None = None
    latest_year: int = 2068
