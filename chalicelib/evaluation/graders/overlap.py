"""ROUGE and BLEU of an answer and the expected text.

The figures are those of rouge-score and sacrebleu, which tests of training hold them to; neither
library fits a function, for a reason that decision 0087 gives. Words are runs of letters and digits
of any script, which for ASCII are those of rouge-score. ROUGE: C.-Y. Lin, 2004,
https://aclanthology.org/W04-1013. BLEU: K. Papineni et al., 2002, https://aclanthology.org/P02-1040,
as M. Post reports it, 2018, https://aclanthology.org/W18-6319.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from chalicelib.evaluation.graders.base import GradedSample, GradingServices, Score, expected_text

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import BleuOverlap, RougeOverlap

MAX_WORDS = 4_000
"""Words of a text that ROUGE-L reads: its time is their product."""
ORDERS = 4
_WORD = re.compile(r"[^\W_]+")
_SKIPPED = re.compile(r"<skipped>|-\n")
_PUNCTUATION = re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])")
_AFTER_NO_DIGIT = re.compile(r"([^0-9])([\.,])")
_BEFORE_NO_DIGIT = re.compile(r"([\.,])([^0-9])")
_DASH = re.compile(r"([0-9])(-)")
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))


@dataclass(frozen=True, slots=True)
class RougeGrader:
    """Scores the words or word pairs that an answer shares with the expected text."""

    rule: RougeOverlap
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return ROUGE by the rule's variant and measure."""
        expected = expected_text(sample, self.rule.expected)
        value = rouge(self.rule.variant, sample.answer.text, expected)[self.rule.measure]
        return Score(value, f"{self.rule.variant} {self.rule.measure} is {value:.3f}.")


@dataclass(frozen=True, slots=True)
class BleuGrader:
    """Scores the n-grams of an answer that occur in the expected text."""

    rule: BleuOverlap
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return sentence BLEU, 0 to 1."""
        value = bleu(sample.answer.text, expected_text(sample, self.rule.expected))
        return Score(value, f"BLEU is {value:.3f}.")


def rouge(variant: str, answer: str, expected: str) -> dict[str, float]:
    """Return `precision`, `recall` and `f1` of `rouge1`, `rouge2` or `rougeL`, without stemming."""
    given, wanted = _words(answer), _words(expected)
    if variant == "rougeL":
        shared, made, needed = _common_subsequence(given, wanted), len(given), len(wanted)
    else:
        order = int(variant.removeprefix("rouge"))
        ours, theirs = _ngrams(given, order), _ngrams(wanted, order)
        shared, made, needed = (ours & theirs).total(), ours.total(), theirs.total()
    precision = shared / made if made else 0.0
    recall = shared / needed if needed else 0.0
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def bleu(answer: str, expected: str) -> float:
    """Return sentence BLEU from 0 to 1: tokens of mteval 13a, exponential smoothing.

    Orders that the answer is too short for are left out, as sacrebleu does for sentences.
    """
    given, wanted = _tokens_13a(answer), _tokens_13a(expected)
    logs, smoothing = [], 1.0
    for order in range(1, ORDERS + 1):
        ours = _ngrams(given, order)
        total = ours.total()
        if not total:
            break
        right = (ours & _ngrams(wanted, order)).total()
        if right:
            logs.append(math.log(right / total))
        elif order == 1:
            return 0.0
        else:
            smoothing *= 2
            logs.append(math.log(1 / (smoothing * total)))
    if not logs:
        return 0.0
    brevity = min(0.0, 1 - len(wanted) / len(given))
    return math.exp(brevity + math.fsum(logs) / len(logs))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())[:MAX_WORDS]


def _ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, by bits: one word of `one` a step.

    M. Crochemore et al., A fast and practical bit-vector algorithm for the longest common
    subsequence problem, 2001.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(other):
        places[word] = places.get(word, 0) | 1 << at
    whole = (1 << len(other)) - 1
    row = whole
    for word in one:
        hit = row & places.get(word, 0)
        row = ((row + hit) | (row - hit)) & whole
    return (whole & ~row).bit_count()


def _tokens_13a(text: str) -> list[str]:
    """Return the tokens of mteval-v13a, as sacrebleu makes them."""
    line = _SKIPPED.sub("", text).replace("\n", " ")
    for entity, sign in _ENTITIES:
        line = line.replace(entity, sign)
    line = _PUNCTUATION.sub(r" \1 ", f" {line} ")
    line = _AFTER_NO_DIGIT.sub(r"\1 \2 ", line)
    line = _BEFORE_NO_DIGIT.sub(r" \1 \2", line)
    return _DASH.sub(r"\1 \2 ", line).split()
