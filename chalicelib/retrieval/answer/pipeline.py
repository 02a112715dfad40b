"""The answer pipeline: the cheapest tier that suffices, and no claim without its source.

The policy, in order of price:

0. A follow-up question is rewritten so that it can be understood alone. Sentences that give orders
   to a language model are blanked in the passages.
1. Passages are retrieved, and their sentences are weighed. `outcome.decide_outcome` says whether
   sentences answer, or only come near, or the question is about something else.
2. Tier 0, extractive: the sentences that answer, or the nearest passages.
3. Tier 1, a language model: tried within a few seconds if sentences answer, but not well enough.
   Its answer is used only if the support check finds every sentence of it supported by a passage.
   If the request asks for this tier, it is tried whatever the sentences say, and those of its
   claims that no passage supports are shown with a mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.answer_log import QuotedSpan
from chalicelib.contracts.answers import (
    AskDone,
    AskEvent,
    AskResponse,
    AskRetrieved,
    ConversationTurn,
    Tier,
    fold_events,
)
from chalicelib.retrieval.answer.answer_log import NOT_LOGGED, AnswerLog, AnswerRecord
from chalicelib.retrieval.answer.citations import is_quoted_verbatim
from chalicelib.retrieval.answer.drafts import AnswerDraft, describe_search, extract_event
from chalicelib.retrieval.answer.evidence import (
    Evidence,
    OriginalQuestion,
    SentenceScreen,
    blank_instructions,
    boost_evidence,
    select_candidates,
    text_to_embed,
    weigh_evidence,
)
from chalicelib.retrieval.answer.generated_answers import (
    PreparedQuestion,
    SourcedClaims,
    SupportChecker,
    generate_claims,
)
from chalicelib.retrieval.answer.model_calls import AnswerUsage, AnswerWriter, ModelUse, call_model
from chalicelib.retrieval.answer.outcome import AnswerDecision, decide_outcome
from chalicelib.retrieval.answer.question_rewriter import is_faithful_rewrite, rewrite_question
from chalicelib.retrieval.text.language import LANGUAGES, detect_language

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Citation
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.query import Query, SearchResult
    from chalicelib.retrieval.search.searcher import Searcher

_HARD_TO_TELL_APART = {"da", "no"}
"""Danish and Norwegian share most of the words by which a language is detected."""


class AnswerPrices(Protocol):
    """Prices the models and the index query that an answer used."""

    def answer(self, question: str, passages: Sequence[Hit], used: Sequence[ModelUse]) -> Receipt:
        """Return the receipt of `used`, in order, and of the one query of the index.

        If no language model was called, the receipt also says what calling one would have cost.
        """


class QuestionComparer(Protocol):
    """A model that compares texts with a question word by word."""

    def compare(self, question: str, texts: Sequence[str], correlation_id: str) -> EmbedTextResult:
        """Return one vector and one comparison per text, in order.

        Raises `Throttled`, `Transient`, `ModelFailure`.
        """


@dataclass(frozen=True, slots=True)
class QuestionAnswerer:
    """Answers questions from the documents of a tenant.

    Without a `writer` only tier 0 answers. Without an `answer_log` no answer can be rated.
    """

    searcher: Searcher
    comparer: QuestionComparer
    writer: AnswerWriter | None
    prices: AnswerPrices
    checker: SupportChecker
    screen: SentenceScreen
    answer_log: AnswerLog | None = None

    def answer(
        self, query: Query, tier: Tier | None = None, history: Sequence[ConversationTurn] = ()
    ) -> AskResponse:
        """Return the answer to `query`, by `tier` if the caller names one."""
        return fold_events(self.stream(query, tier, history))

    def stream(
        self, query: Query, tier: Tier | None = None, history: Sequence[ConversationTurn] = ()
    ) -> Iterator[AskEvent]:
        """Yield the events of the answer as soon as each is certain.

        `contracts/answers.py` gives their order. A claim is yielded only once its source is known,
        or marked, and is never retracted. An invalid query raises before the first event.

        Args:
            query: the question as the caller put it.
            tier: how to answer; None takes the cheapest tier that suffices.
            history: the conversation before the question, oldest turn first.
        """
        question = self._prepare(query, tier, history)
        usage, text = question.usage, question.query.text
        result = self.searcher.search(question.query)
        usage.add_embedding("question", result.embedding)
        if result.rerank_result is not None:
            usage.uses.append(ModelUse("rerank", result.rerank_result))
        usage.notices += result.notices
        yield AskRetrieved(asked_as=text, passages=len(result.passages))
        passages, blanked = blank_instructions(result.passages, self.screen)
        if blanked:
            usage.notices.append(_screening_notice(blanked))
        decision = decide_outcome(text, self._weigh(question, result, passages))
        generated = None
        if passages and _needs_language_model(question, decision):
            if decision.claims and self.writer is not None:
                yield extract_event(decision.claims)
            generated = self._generate(question, result, passages, decision)
        draft = AnswerDraft.of(text, question.language, decision, generated, result.passages)
        yield from draft.events
        usage.notices += _language_notices(question.language, draft.claims)
        answer_id = self._log(question, result, draft)
        is_answered = draft.outcome == "answered"
        yield AskDone(
            answer_id=answer_id,
            outcome=draft.outcome,
            tier=draft.tier,
            language=question.language,
            looked_at=None if is_answered else describe_search(query, result.passages),
            receipt=self.prices.answer(text, result.passages, usage.uses),
            notices=tuple(usage.notices),
        )

    def _prepare(
        self, query: Query, tier: Tier | None, history: Sequence[ConversationTurn]
    ) -> PreparedQuestion:
        """Return the question with the text to search for, which is rewritten for a follow-up."""
        usage = AnswerUsage()
        requested = tier == "llm"
        deadline = self.writer.deadline(is_requested=requested) if self.writer is not None else 0.0
        text = self._rewrite(query, tier, history, usage, deadline)
        rewritten = replace(query, text=text, texts_only=True)
        language = detect_language(query.text)
        return PreparedQuestion(query.text, rewritten, tier, language, usage, deadline)

    def _rewrite(
        self,
        query: Query,
        tier: Tier | None,
        history: Sequence[ConversationTurn],
        usage: AnswerUsage,
        deadline: float,
    ) -> str:
        """Return the question as it reads alone: by rules, or by a model if they are unsure."""
        by_rules = rewrite_question(query.text, history)
        if by_rules.is_certain or self.writer is None or tier == "extractive":
            return by_rules.text
        writer, requested = self.writer, tier == "llm"
        reply = call_model(
            usage,
            writer,
            deadline,
            "question",
            lambda: writer.rewrite(
                query.text, history, query.spender, deadline, is_requested=requested
            ),
        )
        if reply is None:
            return by_rules.text
        text = reply.text.strip()
        if reply.is_complete and is_faithful_rewrite(text, query.text, history):
            return text
        return by_rules.text

    def _generate(
        self,
        question: PreparedQuestion,
        found: SearchResult,
        passages: Sequence[Hit],
        decision: AnswerDecision,
    ) -> SourcedClaims | None:
        """Return the claims of a language model that may be shown, None if there are none.

        A source with a blanked sentence could not be quoted as its page has it.
        """
        claims = generate_claims(question, decision.ranked, passages, self.writer, self.checker)
        if claims is None:
            return None
        quotable = [
            (claim, source if source and is_quoted_verbatim(source, found.passages) else None)
            for claim, source in claims
        ]
        is_supported = all(source is not None for _, source in quotable)
        return quotable if is_supported or question.requests_model else None

    def _weigh(
        self, question: PreparedQuestion, found: SearchResult, passages: Sequence[Hit]
    ) -> list[Evidence]:
        """Return the sentences of `passages` by how well they support an answer, best first."""
        query = question.query
        candidates = select_candidates(query.text, passages)
        if list(passages) != list(found.passages):
            # A list of which one item is blanked could not be quoted as its page has it.
            candidates = [
                each for each in candidates if is_quoted_verbatim(each.source, found.passages)
            ]
        if not candidates:
            return []
        is_rewritten = question.original != query.text
        texts = [text_to_embed(each.source) for each in candidates]
        texts += [question.original] * is_rewritten
        compared = self.comparer.compare(query.text, texts, query.correlation_id)
        vectors = question.usage.add_embedding("sentence", compared).vectors
        original = OriginalQuestion(question.original, vectors[-1]) if is_rewritten else None
        weighed = weigh_evidence(query.text, candidates, compared, original)
        return boost_evidence(weighed, found.vote_weights)

    def _log(self, question: PreparedQuestion, found: SearchResult, draft: AnswerDraft) -> str:
        """Return the id under which the answer can be rated, or "" with a notice if it has none."""
        if self.answer_log is None:
            return ""
        record = AnswerRecord(
            kind="answer",
            question=question.original,
            asked_as=question.query.text,
            answer=draft.text,
            tier=draft.tier,
            outcome=draft.outcome,
            cited=_quoted_spans(draft.cited),
            nearest=_quoted_spans(draft.nearest_citations),
        )
        answer_id = self.answer_log.record(question.query, record, found)
        if not answer_id:
            question.usage.notices.append(NOT_LOGGED)
        return answer_id


def _needs_language_model(question: PreparedQuestion, decision: AnswerDecision) -> bool:
    """Return whether a language model is called: on request, or to improve a weak extract."""
    is_weak = decision.outcome == "answered" and not decision.is_sufficient
    return question.requests_model or (question.tier is None and is_weak)


def _quoted_spans(citations: Sequence[Citation]) -> tuple[QuotedSpan, ...]:
    return tuple(QuotedSpan(**citation.model_dump(exclude={"n"})) for citation in citations)


def _screening_notice(count: int) -> str:
    sentences = "1 sentence" if count == 1 else f"{count} sentences"
    verb = "gives" if count == 1 else "give"
    return f"{sentences} of the documents {verb} orders to a language model, and took no part."


def _language_notices(question_language: str, claims: SourcedClaims) -> list[str]:
    """Return a notice if the documents answer in another language than the question's."""
    answer_language = detect_language(" ".join(text for text, _ in claims))
    languages = {question_language, answer_language}
    if "" in languages or len(languages) == 1 or languages == _HARD_TO_TELL_APART:
        return []
    question, answer = LANGUAGES[question_language], LANGUAGES[answer_language]
    return [f"The question is in {question}; the documents answer in {answer}."]
