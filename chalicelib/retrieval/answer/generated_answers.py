"""Answers that a language model writes from passages, and the check of their support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.check_support import (
    MAX_SOURCES,
    MAX_TEXT,
    CheckResult,
    CheckSource,
)
from chalicelib.errors import HeadraceError, InvalidInput, NoAnswer, QuotaExceeded, Unsupported
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.context_packing import ContextItem, pack_context
from chalicelib.retrieval.answer.evidence import Evidence, answer_sentences, evidence_passages
from chalicelib.retrieval.text.language import LANGUAGES
from chalicelib.retrieval.text.sentences import TextSpan

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.answers import ConversationTurn, Tier
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.functions.rerank_passages import RerankResult
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.query import Query

SourcedClaims = list[tuple[str, SourceSentence]]
"""Claims of an answer, each with the sentence of a passage that supports it."""


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
class ModelReply:
    """The text that a language model wrote, and the receipt lines of all attempts at it.

    `text` is "" if no attempt succeeded. `is_complete` is false if the model was stopped, by its
    token limit or otherwise. `screen_findings` are the kinds of content that the screen found but
    let pass.
    """

    text: str
    lines: tuple[ReceiptLine, ...]
    is_complete: bool = True
    screen_findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One use of a model for a query; `role` is the role of its line in the receipt."""

    role: str
    result: EmbedTextResult | RerankResult | CheckResult | ModelReply


class AnswerWriter(Protocol):
    """A language model that answers questions from passages and rewrites follow-up questions."""

    def deadline(self) -> float:
        """Return the time, by the writer's clock, by which a question put now must be answered."""

    def token_budget(self, question: str, language: str = "") -> int:
        """Return the tokens left for passages beside the question and the answer."""

    def count_tokens(self, passage: Hit) -> int:
        """Return the tokens of the budget that `passage` takes, never too few."""

    def write(
        self,
        question: str,
        passages: Sequence[Hit],
        spender: Spender,
        deadline: float,
        language: str = "",
    ) -> ModelReply:
        """Return the answer as the model wrote it, with any marks.

        Args:
            question: the question as it reads alone.
            passages: all that the model may answer from.
            spender: who pays; a model that it may not use or cannot pay is not called.
            deadline: as `deadline()` gave it for the question.
            language: the English name of the language to answer in; "" leaves it to the model.

        Raises:
            HeadraceError: the call failed or the screen refused it; the error holds the receipt
                of attempts in vain.
        """

    def rewrite(
        self,
        question: str,
        history: Sequence[ConversationTurn],
        spender: Spender,
        deadline: float,
    ) -> ModelReply:
        """Return `question` rewritten so that it can be understood alone; raise as `write` does."""


@dataclass(slots=True)
class AnswerUsage:
    """The models that one answer used, and the notices for the caller about it."""

    uses: list[ModelUse] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add_embedding(self, role: str, result: EmbedTextResult) -> EmbedTextResult:
        """Record an embedding and return it."""
        self.uses.append(ModelUse(f"{role} embedding", result))
        return result

    def add_reply(self, role: str, reply: ModelReply) -> ModelReply:
        """Record a reply of a language model, with a notice of screen findings; return it."""
        self.uses.append(ModelUse(role, reply))
        if reply.screen_findings:
            kinds = ", ".join(reply.screen_findings)
            self.notices.append(f"The screen found {kinds} in what the language model was to do.")
        return reply

    def add_failure(self, role: str, error: HeadraceError, task: str) -> None:
        """Record that the language model failed at `task`, the reason, and the attempts' cost."""
        if error.receipt is not None:
            lost = ModelReply("", error.receipt.lines, is_complete=False)
            self.uses.append(ModelUse(role, lost))
        reason = type(error).__name__
        if isinstance(error, (InvalidInput, Unsupported, QuotaExceeded, NoAnswer)):
            reason += f": {error.message.rstrip('.')}"
        self.notices.append(f"The language model did not {task} ({reason}).")


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


def generate_claims(
    question: PreparedQuestion,
    evidence: Sequence[Evidence],
    writer: AnswerWriter | None,
    checker: SupportChecker,
) -> SourcedClaims | None:
    """Return the claims of a language model's answer, all supported by passages.

    Return None, with a notice of the reason in the question's usage, if there is no model, it
    fails, or the support check finds a claim that no passage supports.
    """
    usage, text = question.usage, question.query.text
    if writer is None:
        usage.notices.append("No language model is set up.")
        return None
    language = LANGUAGES.get(question.language, "")
    passages = _pack_passages(evidence, writer, text, language)
    if not passages:
        usage.notices.append("The question leaves the language model no room for a passage.")
        return None
    try:
        reply = writer.write(text, passages, question.query.spender, question.deadline, language)
    except HeadraceError as error:
        usage.add_failure("answer", error, "answer")
        return None
    usage.add_reply("answer", reply)
    sentences = answer_sentences(reply.text)
    if not reply.is_complete or not sentences:
        problem = "wrote nothing" if reply.is_complete else "was cut off before its end"
        usage.notices.append(f"The language model {problem}.")
        return None
    return _check_claims(question, sentences, passages, checker)


def _pack_passages(
    evidence: Sequence[Evidence], writer: AnswerWriter, question: str, language: str
) -> list[Hit]:
    """Return the passages of the evidence that are worth their tokens, best first."""
    passages = evidence_passages(evidence)
    support: dict[int, float] = {}
    for item in evidence:
        support.setdefault(id(item.source.passage), item.support)
    items = [
        ContextItem(passage.text, support[id(passage)], writer.count_tokens(passage))
        for passage in passages
    ]
    return [passages[at] for at in pack_context(items, writer.token_budget(question, language))]


def _check_claims(
    question: PreparedQuestion,
    claims: Sequence[str],
    passages: Sequence[Hit],
    checker: SupportChecker,
) -> SourcedClaims | None:
    """Return the claims with their sources if the support check finds all of them supported."""
    usage, query = question.usage, question.query
    try:
        checked = checker.check(query.text, claims, check_sources(passages), query.correlation_id)
    except HeadraceError as error:
        usage.notices.append(f"The answer could not be checked ({type(error).__name__}).")
        return None
    usage.uses.append(ModelUse("support check", checked))
    supported = supported_claims(claims, passages, checked)
    if supported is None:
        usage.notices.append(
            "The language model's answer was not supported by the documents:"
            f" {describe_doubts(checked)}."
        )
    return supported


def check_sources(passages: Sequence[Hit]) -> list[CheckSource]:
    """Return at most `MAX_SOURCES` passages as sources of a check; ids are their indices."""
    return [
        CheckSource(id=at, text=passage.text)
        for at, passage in enumerate(passages[:MAX_SOURCES])
        if 0 < len(passage.text) <= MAX_TEXT
    ]


def supported_claims(
    claims: Sequence[str], passages: Sequence[Hit], checked: CheckResult
) -> SourcedClaims | None:
    """Return each claim with its source in `passages`, or None if a claim has none."""
    sourced: SourcedClaims = []
    for claim, verdict in zip(claims, checked.verdicts, strict=True):
        if not verdict.supported or verdict.source is None:
            return None
        passage = passages[verdict.source]
        span = TextSpan(verdict.start, verdict.end)
        sourced.append((claim, SourceSentence(passage, span, passage.text[span.start : span.end])))
    return sourced


def describe_doubts(checked: CheckResult) -> str:
    """Return the reasons of the unsupported claims, each once, in words."""
    reasons = [reason for verdict in checked.verdicts for reason in verdict.reasons]
    return ", ".join(dict.fromkeys(reason.replace("_", " ") for reason in reasons))
