"""Claims to learn the support check from: written ones, and ones made of real files.

Of a sentence of a real file four are made: the sentence itself and its first clause, which its own
window supports; the sentence denied; and the sentence before a window of other text that shares
most words with it, which do not support it. The written ones are paraphrases and near misses.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.contracts.functions.check_support import MAX_TEXT, CheckSource
from chalicelib.contracts.ingest import Page
from chalicelib.retrieval.answer.support.sources import (
    SourceWindow,
    cut_windows,
    parse_source,
)
from chalicelib.retrieval.text.terms import stems
from models.real_files.questions import RealFile

PAIRS = Path(__file__).parents[1] / "tests" / "data" / "support_pairs.json"
MORE_PAIRS = PAIRS.with_name("support_development.json")
"""Further pairs to learn from; none of them is measured."""
DEVELOPMENT = (1, 2)
"""Remainders of a passage's number by four; a passage is wholly in one half."""
PER_FILE = 2
"""Sentences of a real file that claims are made of."""
_WORDS = range(6, 41)
_SENTENCE = re.compile(r"[A-Z`\"].*[.!]$", re.DOTALL)
_DENIALS = (
    (re.compile(r"\b(is|are|was|were|can|may|must|should|will)\b(?! not)"), r"\1 not"),
    (re.compile(r"\b(does|do) not\b"), r"\1"),
)
_CLAUSE = re.compile(
    r"(.{25,}?)(?:, (?:which|and|but|so|where|because|while|unless|if|when) .*|; .*| \(.*)$"
)


@dataclass(frozen=True)
class LabelledClaim:
    """A claim, a passage, and whether the passage supports the claim.

    Claims of one `group` are in one fold of a cross-validation.
    """

    claim: str
    passage: str
    supported: bool
    category: str
    held_out: bool
    group: str = ""


def labelled_claims(path: Path = PAIRS) -> list[LabelledClaim]:
    """Return the claims of a file, as they were written and labelled."""
    return [
        LabelledClaim(
            claim=pair["claim"],
            passage=passage["text"],
            supported=pair["supported"],
            category=pair["category"],
            held_out=passage["n"] % 4 not in DEVELOPMENT,
            group=passage["text"],
        )
        for passage in json.loads(path.read_text(encoding="utf-8"))["passages"]
        for pair in passage["pairs"]
    ]


def tuning_claims() -> list[LabelledClaim]:
    """Return the written claims that the head is learned from."""
    measured = [claim for claim in labelled_claims() if not claim.held_out]
    return [*measured, *labelled_claims(MORE_PAIRS)]


def claims_of_files(
    files: Sequence[RealFile], pages: Mapping[str, Sequence[Page]]
) -> Iterator[LabelledClaim]:
    """Yield claims made of the pages of real files, in the files' order.

    Args:
        files: the files; all claims of a package are one group.
        pages: the pages of each file by its name.
    """
    windows = {file.name: _windows(pages[file.name]) for file in files}
    others = [
        (window, " ".join(window.text.split()), _stems(window))
        for found in windows.values()
        for window in found
    ]
    for file in files:
        draw = random.Random(file.sha256)  # noqa: S311 - a sample, no secret
        places = [
            (window, at)
            for window in windows[file.name]
            for at in window.places
            if _is_prose(window.source.sentences[at].text)
        ]
        for window, at in draw.sample(places, min(PER_FILE, len(places))):
            yield from _claims_of(window, at, others, file.package.name)


def _windows(pages: Sequence[Page]) -> list[SourceWindow]:
    return [
        window
        for page in pages
        if page.text.strip()
        for window in cut_windows(parse_source(CheckSource(id=0, text=page.text[:MAX_TEXT])))
    ]


def _stems(window: SourceWindow) -> frozenset[str]:
    return frozenset().union(*(stems(window.source.sentences[at].words) for at in window.places))


def _is_prose(text: str) -> bool:
    return len(text.split()) in _WORDS and _SENTENCE.match(text) is not None


def _claims_of(
    window: SourceWindow,
    at: int,
    others: Sequence[tuple[SourceWindow, str, frozenset[str]]],
    group: str,
) -> Iterator[LabelledClaim]:
    sentence = window.source.sentences[at]
    claim = " ".join(sentence.text.split())

    def labelled(text: str, of: SourceWindow, category: str, *, supported: bool) -> LabelledClaim:
        return LabelledClaim(text, of.text, supported, category, held_out=False, group=group)

    yield labelled(claim, window, "verbatim", supported=True)
    if (clause := _CLAUSE.match(claim)) is not None:
        yield labelled(f"{clause[1].rstrip(',;')}.", window, "clause", supported=True)
    denied = [pattern.sub(by, claim, count=1) for pattern, by in _DENIALS if pattern.search(claim)]
    for text in denied[:1]:
        yield labelled(text, window, "denied", supported=False)
    wanted = stems(sentence.words)
    without = [(other, held) for other, text, held in others if claim not in text]
    if without:
        other, _ = max(without, key=lambda each: len(wanted & each[1]))
        yield labelled(claim, other, "unrelated but similar", supported=False)
