"""Answers that a language model writes from passages, and the check of their support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.check_support import (
    MAX_SOURCES,
    MAX_TEXT,
    CheckResult,
    CheckSource,
)
from chalicelib.errors import HeadraceError
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.context_packing import ContextItem, pack_context
from chalicelib.retrieval.answer.evidence import Evidence, answer_sentences, evidence_passages
from chalicelib.retrieval.answer.model_calls import AnswerUsage, AnswerWriter, ModelUse, call_model
from chalicelib.retrieval.answer.outcome_texts import is_refusal
from chalicelib.retrieval.text.language import LANGUAGES
from chalicelib.retrieval.text.sentences import TextSpan

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Tier
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.query import Query

SourcedClaims = Sequence[tuple[str, SourceSentence | None]]
"""Claims of an answer, each with the sentence of a passage that supports it, None if none does."""


class SupportChecker(Protocol):
    """A check that says which claims of an answer are supported by their sources."""

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        """Return one verdict per claim, in order, and the usage of the check for the receipt.

        Raises `InvalidInput`, `Throttled`, `Transient` or `ModelFailure`; an answer that could not
        be checked must not be used.
        """


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """A question on its way through the pipeline.

    `original` is the question as the caller put it; `query` has the text that is searched for
    instead. `language` is an ISO 639-1 code, "" if unknown. `deadline` is when all work of a
    language model on the question must be done, by the writer's clock.
    """

    original: str
    query: Query
    tier: Tier | None
    language: str
    usage: AnswerUsage
    deadline: float

    @property
    def requests_model(self) -> bool:
        """Return whether the request names the tier of language models."""
        return self.tier == "llm"


def generate_claims(
    question: PreparedQuestion,
    evidence: Sequence[Evidence],
    passages: Sequence[Hit],
    writer: AnswerWriter | None,
    checker: SupportChecker,
) -> SourcedClaims | None:
    """Return the claims of a language model's answer from `passages`.

    Every claim is supported by a passage, unless the request names the tier `llm`: then one that
    is not is returned, too, without a source. Return None, with a notice of the reason in the
    question's usage, if there is no model, it fails or refuses, or its answer cannot be used.
    """
    usage, text = question.usage, question.query.text
    if writer is None:
        usage.notices.append("No language model is set up.")
        return None
    language = LANGUAGES.get(question.language, "")
    packed = _pack_passages(evidence, passages, writer, text, language)
    if not packed:
        usage.notices.append("The question leaves the language model no room for a passage.")
        return None
    reply = call_model(
        usage,
        writer,
        question.deadline,
        "answer",
        lambda: writer.write(
            text,
            packed,
            question.query.spender,
            question.deadline,
            language,
            is_requested=question.requests_model,
        ),
    )
    if reply is None:
        return None
    sentences = answer_sentences(reply.text)
    if not reply.is_complete or not sentences:
        problem = "wrote nothing" if reply.is_complete else "was cut off before its end"
        usage.notices.append(f"The language model {problem}.")
        return None
    if is_refusal(" ".join(sentences)):
        usage.notices.append("The language model finds no answer in the passages.")
        return None
    return _check_claims(question, sentences, packed, checker)


def _pack_passages(
    evidence: Sequence[Evidence],
    found: Sequence[Hit],
    writer: AnswerWriter,
    question: str,
    language: str,
) -> list[Hit]:
    """Return the passages that are worth their tokens, best first.

    They are those of the evidence, or all that were found if no sentence of theirs was weighed.
    """
    passages = evidence_passages(evidence) or list(found)
    support: dict[int, float] = {}
    for item in evidence:
        support.setdefault(id(item.source.passage), item.support)
    items = [
        ContextItem(passage.text, support.get(id(passage), 0.0), writer.count_tokens(passage))
        for passage in passages
    ]
    return [passages[at] for at in pack_context(items, writer.token_budget(question, language))]


def _check_claims(
    question: PreparedQuestion,
    claims: Sequence[str],
    passages: Sequence[Hit],
    checker: SupportChecker,
) -> SourcedClaims | None:
    """Return the claims with their sources, or None if they may not be shown."""
    usage, query = question.usage, question.query
    try:
        checked = checker.check(query.text, claims, check_sources(passages), query.correlation_id)
    except HeadraceError:
        usage.notices.append("The language model's answer could not be checked, and is not used.")
        return None
    usage.uses.append(ModelUse("support check", checked))
    sourced = source_claims(claims, passages, checked)
    if all(source is not None for _, source in sourced):
        return sourced
    usage.notices.append(
        "The language model's answer was not supported by the documents:"
        f" {describe_doubts(checked)}."
    )
    return sourced if question.requests_model else None


def check_sources(passages: Sequence[Hit]) -> list[CheckSource]:
    """Return at most `MAX_SOURCES` passages as sources of a check; ids are their indices."""
    return [
        CheckSource(id=at, text=passage.text)
        for at, passage in enumerate(passages[:MAX_SOURCES])
        if 0 < len(passage.text) <= MAX_TEXT
    ]


def source_claims(
    claims: Sequence[str], passages: Sequence[Hit], checked: CheckResult
) -> SourcedClaims:
    """Return each claim with its source in `passages`, None if it is not supported."""
    sourced: list[tuple[str, SourceSentence | None]] = []
    for claim, verdict in zip(claims, checked.verdicts, strict=True):
        source = None
        if verdict.supported and verdict.source is not None:
            passage = passages[verdict.source]
            span = TextSpan(verdict.start, verdict.end)
            source = SourceSentence(passage, span, passage.text[span.start : span.end])
        sourced.append((claim, source))
    return sourced


def describe_doubts(checked: CheckResult) -> str:
    """Return the reasons of the unsupported claims, each once, in words."""
    reasons = [reason for verdict in checked.verdicts for reason in verdict.reasons]
    return ", ".join(dict.fromkeys(reason.replace("_", " ") for reason in reasons))
