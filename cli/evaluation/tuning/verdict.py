"""Whether tuning was worth it, said only where an interval carries it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import ScoreInterval

MIN_ROWS = 20
"""Fewer rows tell nothing: an interval of so few is hardly more than a guess."""
WorthWord = Literal["worth it", "not proven", "not worth it"]


class ModelVerdict(BaseModel):
    """A verdict against one model, or against all, with the sentence that says why."""

    model_config = ConfigDict(frozen=True)

    word: WorthWord
    sentence: str


@dataclass(frozen=True, slots=True)
class PairedEvidence:
    """The measured difference between the tuned model and another.

    `difference` is that of the metric, whose title is `metric`, tuned less other; `strict` is the
    same at the stricter level by which one of several is called better. `saved` are the dollars
    that 1,000 calls of the tuned model cost less. `not_run` are calls of either that were not made,
    and `silent` is the one of both that answered none, "" if both answered.
    """

    name: str
    metric: str
    difference: ScoreInterval | None
    strict: ScoreInterval | None
    not_run: int
    saved: Decimal
    pays_after: int | None
    training_known: bool = True
    silent: str = ""


def verdict_of(seen: PairedEvidence, margin: float = 0.0) -> ModelVerdict:
    """Return the verdict against one model.

    It is worth it where the metric is higher beyond doubt, or where it is cheaper and worse by no
    more than `margin` beyond doubt. It is not worth it where the metric is lower beyond doubt and
    it is no cheaper, or lower by more than a `margin` that was given, or where it is no cheaper and
    better by no more than that. Worse and cheaper is a trade, which a margin settles.
    """
    found = seen.difference
    if found is None or found.low is None or found.high is None or found.n < MIN_ROWS:
        rows = 0 if found is None else found.n
        return _verdict(
            "not proven", seen, f"{rows} rows were asked both, and {MIN_ROWS} are the fewest"
        )
    if seen.not_run:
        return _verdict(
            "not proven", seen, f"{seen.not_run} calls were not made, so that the run is not whole"
        )
    if seen.silent:
        return _verdict("not proven", seen, f"{seen.silent} answered none of its calls")
    told = (
        f"{seen.metric} differs by {found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f}, "
        f"{found.n} rows), {_cost(seen)}"
    )
    if found.low > 0:
        return _verdict("worth it", seen, told)
    if seen.saved > 0 and found.low > -margin and margin > 0:
        return _verdict("worth it", seen, f"{told}; {margin:g} worse is agreed to")
    highest = None if seen.strict is None else seen.strict.high
    if highest is not None and highest < 0:
        if seen.saved <= 0 or (margin > 0 and highest < -margin):
            return _verdict("not worth it", seen, told)
        return _verdict(
            "not proven", seen, f"{told}: worse and cheaper; --margin says how much worse may be"
        )
    if seen.saved <= 0 and margin > 0 and found.high < margin:
        return _verdict("not worth it", seen, f"{told}; {margin:g} better is the least that counts")
    return _verdict("not proven", seen, told)


def overall(verdicts: Iterable[ModelVerdict]) -> ModelVerdict:
    """Return the verdict against all: worth it against each, or not worth it against one."""
    found = list(verdicts)
    if not found:
        return ModelVerdict(word="not proven", sentence="Not proven: nothing was compared.")
    against = [each for each in found if each.word == "not worth it"]
    open_ones = [each for each in found if each.word == "not proven"]
    if against:
        return ModelVerdict(word="not worth it", sentence=_all_of(against))
    if open_ones:
        return ModelVerdict(word="not proven", sentence=_all_of(open_ones))
    return ModelVerdict(word="worth it", sentence=_all_of(found))


def _all_of(verdicts: Iterable[ModelVerdict]) -> str:
    return " ".join(each.sentence for each in verdicts)


def _verdict(word: WorthWord, seen: PairedEvidence, why: str) -> ModelVerdict:
    return ModelVerdict(word=word, sentence=f"{word.capitalize()} against {seen.name}: {why}.")


def _cost(seen: PairedEvidence) -> str:
    if seen.saved > 0:
        cheaper = f"${seen.saved:f} less per 1,000 calls"
        if not seen.training_known:
            return f"{cheaper}; what the training cost is not known"
        return (
            f"{cheaper}, so that the training has paid for itself after {seen.pays_after:,} calls"
        )
    if seen.saved < 0:
        return f"${-seen.saved:f} more per 1,000 calls, so that the training never pays for itself"
    return "at the same cost, so that the training never pays for itself"
