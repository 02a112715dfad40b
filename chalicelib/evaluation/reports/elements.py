"""Parts of reports in HTML: the page, tables, texts and intervals, without scripts.

Answers of models and texts of cases are escaped: a page that is opened from a file runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from chalicelib.evaluation.reports.style import STYLE
from chalicelib.evaluation.texts import whole_text

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import ScoreInterval

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser loads and runs nothing on the page, whatever an answer holds."""


def html_page(title: str, parts: Iterable[str]) -> str:
    """Return a page of `parts`, which are HTML; empty ones are left out."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html_text(title)}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def html_table(
    head: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    caption: str,
    texts: int,
    *,
    last_is_text: bool = False,
) -> str:
    """Return a table whose first `texts` columns are text, and the others numbers."""
    last = len(head) - 1

    def kind(column: int) -> str:
        return "" if column < texts or (last_is_text and column == last) else ' class="n"'

    heads = "".join(f'<th scope="col"{kind(n)}>{name}</th>' for n, name in enumerate(head))
    body = "".join(
        f"<tr>{''.join(f'<td{kind(n)}>{cell}</td>' for n, cell in enumerate(row))}</tr>"
        for row in rows
    )
    told = f'<p class="dim">{caption}</p>' if caption else ""
    label = escape(caption or "Grades")
    return (
        f'{told}<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def interval_text(score: ScoreInterval, *, signed: bool = False) -> str:
    """Return a mean with its bounds, if it has any."""
    sign = "+" if signed else ""
    if score.low is None or score.high is None:
        return f"{score.mean:{sign}.3f}"
    return f"{score.mean:{sign}.3f} ({score.low:{sign}.3f} to {score.high:{sign}.3f})"


def marked(kind: str, word: str) -> str:
    """Return a word in the colour of `kind`: `good`, `bad` or `idle`."""
    return f'<span class="{kind}">{word}</span>'


def html_text(text: str) -> str:
    """Return a text, escaped and without halves of surrogate pairs."""
    return escape(whole_text(text))
