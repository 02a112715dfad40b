"""The verdict on a claim: figures and names by rules, then entailment by a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.contracts.functions.check_support import ClaimVerdict, Doubt
from chalicelib.retrieval.answer.support.entities import missing_entities, sentences_with_entities
from chalicelib.retrieval.answer.support.restatement import restate_figures
from chalicelib.retrieval.answer.support.sources import ParsedSource, SourceWindow, nearest_windows
from chalicelib.retrieval.text.parsed_text import ParsedText, parse_text
from chalicelib.retrieval.text.sentences import split_sentences
from chalicelib.retrieval.text.terms import stems

MAX_WINDOWS = 3
"""The most windows, of all sources together, that one claim is held to."""
MAX_READ = 30
"""The most windows that all claims of a request are held to, but one a claim: a window takes the
model some 60 ms of a core, and the caller waits for 5 s."""
_SENTENCES = 2
"""The most sentences of a window that are premises of their own."""
_MAX_ODDS = 50.0
"""Logarithmic odds beyond this make no difference to a probability."""

EntailmentModel = Callable[[str, str], float]
"""Returns the logarithmic odds that a premise entails a claim."""


@dataclass(frozen=True, slots=True)
class SupportModel:
    """The model of entailment, and the odds from which on a claim is supported."""

    entails: EntailmentModel
    threshold: float


def judge_claim(
    claim: str,
    sources: Sequence[ParsedSource],
    model: SupportModel,
    question: str = "",
    limit: int = MAX_WINDOWS,
) -> ClaimVerdict:
    """Return the verdict of the source that supports the claim, or comes nearest to it.

    Every sentence of the claim must be supported by a window of that source. `question` is what
    the claim answers; the windows that share its words are read before others. `limit` is the most
    windows that are read.
    """
    parts = [
        parsed
        for span in split_sentences(claim)
        if not (parsed := parse_text(claim[span.start : span.end])).is_empty
    ]
    if not parts:
        return _unsupported()
    wanted = frozenset().union(*(stems(part.words) for part in parts))
    asked = stems(parse_text(question).words)
    windows = nearest_windows(sources, wanted, asked, limit)
    best = _unsupported()
    for source in dict.fromkeys(window.source for window in windows):
        near = [window for window in windows if window.source is source]
        found = _judged(parts, source, near, model)
        if found.supported:
            return found
        if best.source is None or found.score > best.score:
            best = found
    return best


def windows_per_claim(claims: int) -> int:
    """Return how many windows each of so many claims is held to at most."""
    return max(1, min(MAX_WINDOWS, MAX_READ // claims))


def _judged(
    parts: Sequence[ParsedText],
    source: ParsedSource,
    windows: Sequence[SourceWindow],
    model: SupportModel,
) -> ClaimVerdict:
    """Return what one source says of a claim; figures that it lacks spare the model."""
    doubts = {doubt for part in parts for doubt in missing_entities(part, source.sentences)}
    if doubts:
        return _verdict(source, windows[0].places, 0.0, doubts)
    odds: list[float] = []
    places: set[int] = set()
    for part in parts:
        best, where = _best_place(part, windows, model)
        odds.append(best)
        places |= {*where, *sentences_with_entities(part, source.sentences, where)}
    if min(odds) < model.threshold:
        partly = max(odds) >= model.threshold
        doubts = {Doubt.HALF_SUPPORTED if partly else Doubt.NOT_COVERED}
    score = 1 / (1 + math.exp(-max(-_MAX_ODDS, min(_MAX_ODDS, *odds))))
    return _verdict(source, range(min(places), max(places) + 1), score, doubts)


def _best_place(
    part: ParsedText, windows: Sequence[SourceWindow], model: SupportModel
) -> tuple[float, range]:
    """Return the odds and place of the first window that supports, else of the likeliest."""
    tried = (_weighed(part, window, model) for window in windows)
    best = next(tried)
    for found in tried:
        if best[0] >= model.threshold:
            break
        best = max(best, found, key=lambda each: each[0])
    return best


def _weighed(part: ParsedText, window: SourceWindow, model: SupportModel) -> tuple[float, range]:
    """Return the odds of one window, and the one sentence that suffices, else the window.

    A claim that is a sentence of the window, word for word, needs no model.
    """
    for at in window.places:
        if _plain(part.text) == _plain(window.source.sentences[at].text):
            return _MAX_ODDS, range(at, at + 1)
    claim, places = premises(part, window)
    odds = [model.entails(window.source.quote(each), claim) for each in places]
    weighed = weigh_odds(odds)
    alone = [at for at in range(1, len(odds)) if odds[at] >= model.threshold]
    if weighed < model.threshold or not alone:
        return weighed, window.places
    return weighed, places[max(alone, key=lambda at: odds[at])]


def premises(part: ParsedText, window: SourceWindow) -> tuple[str, list[range]]:
    """Return the claim in the words of the window's figures, and what it is held to.

    That is the window, and those of its sentences that share most words with the claim.
    """
    sentences = window.source.sentences
    claim = restate_figures(part, [sentences[at] for at in window.places])
    if len(window.places) == 1:
        return claim, [window.places]
    wanted = stems(part.words)
    shared = {at: len(wanted & stems(sentences[at].words)) for at in window.places}
    best = sorted(window.places, key=lambda at: -shared[at])[:_SENTENCES]
    return claim, [window.places, *(range(at, at + 1) for at in best)]


def weigh_odds(odds: Sequence[float]) -> float:
    """Return the mean of the odds by the whole window and by its best sentence.

    The whole knows what a sentence leaves out; a sentence is read more exactly.
    """
    whole, *alone = odds
    return (whole + max(alone)) / 2 if alone else whole


def _unsupported() -> ClaimVerdict:
    return ClaimVerdict(supported=False, source=None, score=0.0, reasons=(Doubt.NOT_COVERED,))


def _plain(sentence: str) -> str:
    """Return a sentence without differences of spacing, case, list marks and its full stop."""
    return " ".join(sentence.split()).strip(" .-*•").casefold()


def _verdict(source: ParsedSource, places: range, score: float, doubts: set[Doubt]) -> ClaimVerdict:
    return ClaimVerdict(
        supported=not doubts,
        source=source.id,
        score=score,
        start=source.spans[places[0]].start,
        end=source.spans[places[-1]].end,
        reasons=tuple(sorted(doubts)),
    )
