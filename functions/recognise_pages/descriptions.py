"""Recognised text of a picture below what is seen in it, which its first page begins with."""

from __future__ import annotations

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_words import WordBox
from chalicelib.documents.pages import SEPARATOR


def without_description(page: Page) -> Page:
    """Return `page` with the text that was read on it alone."""
    if not page.described:
        return page
    return Page(page=page.page, text=page.text[page.described :].removeprefix(SEPARATOR))


def below_description(
    page: Page, recognised: Page, words: tuple[WordBox, ...]
) -> tuple[Page, tuple[WordBox, ...]]:
    """Return the text of `recognised`, and its words, below the description of `page`."""
    if not page.described:
        return recognised, words
    lead = page.text[: page.described] + SEPARATOR
    below = page.model_copy(
        update={
            "text": lead + recognised.text,
            "headings": tuple((at + len(lead), text) for at, text in recognised.headings),
        }
    )
    moved = (
        each._replace(start=each.start + len(lead), end=each.end + len(lead)) for each in words
    )
    return below, tuple(moved)
