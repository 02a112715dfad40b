"""A generated answer and the passages that it was written from, for the support check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.support import MAX_SOURCES, MAX_TEXT, CheckResult, CheckSource
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.text.sentences import TextSpan

if TYPE_CHECKING:
    from chalicelib.budgets.spending import Spender
    from chalicelib.contracts.answers import ConversationTurn
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.contracts.reranking import RerankResult
    from chalicelib.contracts.search import Hit


def check_sources(passages: Sequence[Hit]) -> list[CheckSource]:
    """Return the passages as sources of a check, as many as it takes; ids are their places."""
    return [
        CheckSource(id=at, text=passage.text)
        for at, passage in enumerate(passages[:MAX_SOURCES])
        if 0 < len(passage.text) <= MAX_TEXT
    ]


def supported_claims(
    claims: Sequence[str], passages: Sequence[Hit], checked: CheckResult
) -> list[tuple[str, SourceSentence]] | None:
    """Return each claim with what it rests on in `passages`, or None if one rests on nothing."""
    found = []
    for claim, verdict in zip(claims, checked.verdicts, strict=True):
        if not verdict.supported or verdict.source is None:
            return None
        passage = passages[verdict.source]
        span = TextSpan(verdict.start, verdict.end)
        found.append((claim, SourceSentence(passage, span, passage.text[span.start : span.end])))
    return found


def describe_doubts(checked: CheckResult) -> str:
    """Return the reasons of every claim that is not held up, each once, in words."""
    reasons = [reason for verdict in checked.verdicts for reason in verdict.reasons]
    return ", ".join(dict.fromkeys(reason.replace("_", " ") for reason in reasons))


class SupportChecker(Protocol):
    """Says which claims of an answer rest on their sources."""

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        """Return one verdict a claim, in order, and what the check took for the receipt.

        Raises `InvalidInput`, `Throttled`, `Transient` or `ModelFailure`; an answer that could
        not be checked is not to be used.
        """


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a language model wrote, and what all attempts at it cost; "" where none succeeded.

    Where it is not `whole`, the model was stopped, by its limit of tokens or otherwise, and what
    it meant to say is not known. `found` are the kinds of what the screen found and let pass.
    """

    text: str
    lines: tuple[ReceiptLine, ...]
    whole: bool = True
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One use of a model for a query, and what for: the role of its line in a receipt."""

    role: str
    what: EmbedTextResult | RerankResult | CheckResult | ModelReply


class AnswerWriter(Protocol):
    """A language model that is asked to answer from passages."""

    def deadline(self) -> float:
        """Return until when a question that is put now may take of its time, by a clock of its own:
        all that is asked for the question has to end by then.
        """

    def room(self, question: str, language: str = "") -> int:
        """Return the tokens that passages may take beside the question and the answer."""

    def tokens(self, passage: Hit) -> int:
        """Return the tokens that `passage` takes of the room, never too few."""

    def write(
        self,
        question: str,
        passages: Sequence[Hit],
        spender: Spender,
        until: float,
        language: str = "",
    ) -> ModelReply:
        """Return what it wrote, marks and all; `language` is the name of the one to answer in.

        `until` is the question's deadline. Raises one of `chalicelib.errors`, with what attempts
        cost in vain; nothing is asked of a model that the spender may not use or cannot pay, or
        where the screen refuses.
        """

    def rewrite(
        self, question: str, history: Sequence[ConversationTurn], spender: Spender, until: float
    ) -> ModelReply:
        """Return `question` as it took it to read without `history`. Raises as `write` does."""
