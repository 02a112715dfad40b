"""Evidence for an answer: sentences of passages, weighed by how well they support it.

Everything here is arithmetic on texts and vectors: the caller does the embedding. The constants
were chosen on the labelled questions of `tests/data/questions.json`; their scores are in
`docs/answering.md`.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.retrieval.answer.answer_features import ANSWER_FEATURES, answer_features
from chalicelib.retrieval.answer.candidate_head import candidate_head
from chalicelib.retrieval.answer.candidates import (
    AnswerCandidate,
    Features,
    best_candidates,
    find_candidates,
)
from chalicelib.retrieval.answer.citations import SourceSentence, strip_marks
from chalicelib.retrieval.answer.question_types import (
    expected_answer,
    holds_answer,
    strip_question_words,
)
from chalicelib.retrieval.search.feedback_boost import VoteWeights, passage_weight
from chalicelib.retrieval.text.segments import SegmentKind
from chalicelib.retrieval.text.sentences import split_sentences
from chalicelib.retrieval.text.terms import are_related, terms

if TYPE_CHECKING:
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.search import Hit


MAX_CLAIMS = 3
MIN_SUPPORT = 0.51
"""Below this support the best sentence does not answer, and the question is refused."""
SUFFICIENT_SUPPORT = 0.62
"""From this support on the best sentence is the answer, and no language model is called."""
MAX_FEEDBACK_SUPPORT = 0.05
"""The most support that votes can add to a sentence, or take from it."""
_RUNNER_UP = 0.9
_SAME = 0.93
_COSINE_WEIGHT = 0.45
_NEARBY = 0.2
"""Weight of a question's word that is in the passage but not in the sentence."""
_ADDED = 0.5
_UNEXPECTED = 0.12
_ADDED_BY_SEGMENT = 0.03
"""A segment with less support than this beyond that of its context adds nothing to it."""

Vector = Sequence[float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence, its vector, and how well it supports an answer, from 0 to about 1.

    `score` is the learned one: of two sentences that do not surely answer, the one with the higher
    score likelier holds the answer. It is made of the `features`, the `ANSWER_FEATURES`.
    """

    source: SourceSentence
    vector: Vector
    support: float
    score: float = 0.0
    features: Features = (0.0,) * len(ANSWER_FEATURES)


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of the angle between two vectors, 0 if one has no length."""
    lengths = math.sqrt(_dot(one, one) * _dot(other, other))
    return _dot(one, other) / lengths if lengths else 0.0


def _dot(one: Vector, other: Vector) -> float:
    return float(sum(map(operator.mul, one, other)))


def select_candidates(question: str, passages: Sequence[Hit]) -> list[AnswerCandidate]:
    """Return the segments of `passages` worth comparing with the question, most promising first."""
    return best_candidates(find_candidates(question, passages), candidate_head().selection)


def text_to_embed(source: SourceSentence) -> str:
    """Return the text to embed for a sentence, with its heading, which names the topic."""
    heading = source.passage.heading
    return f"{heading}. {source.statement}" if heading else source.statement


@dataclass(frozen=True, slots=True)
class OriginalQuestion:
    """A follow-up question as the caller put it, before it was rewritten, with its vector."""

    text: str
    vector: Vector


def weigh_evidence(
    question: str,
    candidates: Sequence[AnswerCandidate],
    compared: EmbedTextResult,
    put: OriginalQuestion | None = None,
) -> list[Evidence]:
    """Return the sentences with their support, best first, and their learned score.

    `compared` is the comparison of the `text_to_embed` of each candidate with the question.

    Support mixes likeness of meaning (cosine) with the share of the question's words, weighted by
    rarity, that the sentence or its heading has, and a little for those that only its passage has.
    A sentence without the kind of thing that the question asks for, such as a number, loses some.
    For a follow-up, the words of `put` count in full. The words that the history adds count half,
    and it is enough that the passage has them: the sentence itself may well say "it", too.
    """
    texts = [text_to_embed(candidate.source) for candidate in candidates]
    sources = [candidate.source for candidate in candidates]
    matches = compared.matches[: len(candidates)]
    features = answer_features(question, candidates, texts, matches)
    scores = candidate_head().scores(features)
    weights = _weights(question, sources, put)
    expectation = expected_answer(question)
    held_by = {id(source.passage): _held(source.passage.text, weights) for source in sources}
    weighed = []
    vectors = compared.vectors[: len(candidates)]
    for source, vector, match, score, of in zip(
        sources, vectors, matches, scores, features, strict=True
    ):
        covered = _held(f"{source.statement}\n{source.passage.heading}", weights)
        coverage = _coverage(weights, covered, held_by[id(source.passage)])
        likeness = match.cosine
        if put is not None:
            likeness = max(likeness, cosine(put.vector, vector))
        support = _COSINE_WEIGHT * likeness + (1 - _COSINE_WEIGHT) * coverage
        if expectation is not None and not holds_answer(expectation, source.statement):
            support -= _UNEXPECTED
        weighed.append(Evidence(source, vector, support, score, of))
    return sorted(_below_context(weighed), key=lambda evidence: -evidence.support)


def _below_context(weighed: Sequence[Evidence]) -> Iterator[Evidence]:
    """Yield the evidence, with less support where a segment owes it to its context.

    A sentence that is joined with the one before it must add something to be ranked above it.
    """
    support = {item.source.position: item.support for item in weighed}
    for item in weighed:
        context = [support.get(cited.position, 0.0) for cited in item.source.context_sources]
        most = max(context, default=0.0)
        is_owed = most <= item.support < most + _ADDED_BY_SEGMENT
        yield replace(item, support=most - _ADDED_BY_SEGMENT) if is_owed else item


@dataclass(frozen=True, slots=True)
class _Weight:
    """The weight of a question's term in the sentence, and in the rest of its passage."""

    held: float
    nearby: float


def _weights(
    question: str, sources: Sequence[SourceSentence], put: OriginalQuestion | None
) -> dict[str, _Weight]:
    question_terms = set(terms(strip_question_words(question)))
    own = question_terms if put is None else set(terms(strip_question_words(put.text)))
    counts = Counter(
        term for source in sources for term in _held(_own_words(source), question_terms | own)
    )
    weights = {}
    for term in question_terms | own:
        rarity = math.log(1 + (1 + len(sources)) / (1 + counts[term]))
        if term in own:
            weights[term] = _Weight(rarity, _NEARBY * rarity)
        else:
            weights[term] = _Weight(_ADDED * rarity, _ADDED * rarity)
    return weights


def _own_words(source: SourceSentence) -> str:
    """Return the text whose words count towards rarity: context would count again and again."""
    return source.statement if source.segment.kind is SegmentKind.ROW else source.text


def _coverage(weights: Mapping[str, _Weight], held: set[str], in_passage: set[str]) -> float:
    total = sum(weight.held for weight in weights.values())
    covered = sum(weights[term].held for term in held)
    covered += sum(weights[term].nearby for term in in_passage - held)
    return covered / total if total else 0.0


def _held(text: str, asked: Iterable[str]) -> set[str]:
    """Return those of the terms `asked` that occur in `text`, in whatever inflection."""
    text_terms = set(terms(text))
    return {
        term
        for term in asked
        if term in text_terms or any(are_related(term, word) for word in text_terms)
    }


def extract_claims(
    evidence: Sequence[Evidence], floor: float = MIN_SUPPORT
) -> list[tuple[str, SourceSentence]]:
    """Return the claims of an extractive answer: the best sentence and those that add to it.

    The list is empty if no sentence has at least `floor` support.
    """
    if not evidence or evidence[0].support < floor:
        return []
    chosen = [evidence[0]]
    for runner_up in evidence[1:]:
        if len(chosen) == MAX_CLAIMS or runner_up.support < _RUNNER_UP * evidence[0].support:
            break
        if not any(_repeats(runner_up, other) for other in chosen):
            chosen.append(runner_up)
    return [(item.source.statement, item.source) for item in chosen]


def _repeats(one: Evidence, other: Evidence) -> bool:
    """Return whether two segments overlap or state the same."""
    *page, start, end = one.source.position
    *other_page, other_start, other_end = other.source.position
    overlap = page == other_page and start < other_end and other_start < end
    return overlap or cosine(one.vector, other.vector) >= _SAME


def is_sufficient(evidence: Sequence[Evidence]) -> bool:
    """Return whether the best sentence answers well enough without a language model."""
    return bool(evidence) and evidence[0].support >= SUFFICIENT_SUPPORT


def boost_evidence(evidence: Sequence[Evidence], voted: VoteWeights) -> list[Evidence]:
    """Return the evidence, best first, with support and score adjusted by the votes of ratings.

    A sentence that users rate well can become sufficient where it nearly was, and one that they
    rate badly can stop being sufficient.
    """
    if not voted:
        return list(evidence)
    boosted = []
    for item in evidence:
        vote = _voted(item, voted)
        support = item.support + MAX_FEEDBACK_SUPPORT * vote
        boosted.append(replace(item, support=support, score=item.score + vote))
    return sorted(boosted, key=lambda item: -item.support)


def _voted(item: Evidence, voted: VoteWeights) -> float:
    *_, start, end = item.source.position
    return passage_weight(item.source.passage, voted, start, end)


def answer_sentences(answer: str) -> list[str]:
    """Return the sentences of a generated answer, without the marks that the model wrote."""
    text = strip_marks(answer).strip()
    return [text[span.start : span.end] for span in split_sentences(text)]


def evidence_passages(evidence: Sequence[Evidence]) -> list[Hit]:
    """Return the passages of the evidence, the one with the best sentence first."""
    by_identity = {id(item.source.passage): item.source.passage for item in evidence}
    return list(by_identity.values())


def blank_instructions(passages: Sequence[Hit], screen: SentenceScreen) -> tuple[list[Hit], int]:
    """Return the passages with instructions to a model blanked, and the number of sentences.

    Such a sentence is replaced by spaces: every other character stays where it was, so that quotes
    keep their offsets on the page. A sentence of overlapping passages counts once.
    """
    shown: list[Hit] = []
    blanked: set[tuple[str, str, int, int]] = set()
    for passage in passages:
        spans = split_sentences(passage.text)
        verdicts = screen.aimed_at_model([passage.text[span.start : span.end] for span in spans])
        text = passage.text
        for span, aimed in zip(spans, verdicts, strict=True):
            if aimed:
                text = f"{text[: span.start]}{' ' * (span.end - span.start)}{text[span.end :]}"
                place = (passage.document_id, passage.version, passage.page)
                blanked.add((*place, passage.start + span.start))
        shown.append(passage if text == passage.text else passage.model_copy(update={"text": text}))
    return shown, len(blanked)


class SentenceScreen(Protocol):
    """A screen that finds sentences addressed to a language model instead of to a reader."""

    def aimed_at_model(self, sentences: Sequence[str]) -> Sequence[bool]:
        """Return, for each sentence, whether it is an instruction aimed at a language model."""
