"""The answer pipeline: the cheapest tier that suffices, and no claim without its source.

The policy, in order of price:

0. A follow-up question is rewritten so that it can be understood alone. Sentences that give orders
   to a language model are blanked in the passages.
1. Passages are retrieved, and those of their sentences that can reply are weighed. Below
   `evidence.MIN_SUPPORT` nothing supports an answer: the question is refused, and no dearer tier
   is asked to make one up.
2. Tier 0, extractive: from `evidence.SUFFICIENT_SUPPORT` on, or if the request asks for this tier,
   the best sentences themselves are the answer.
3. Tier 1, a language model: tried if the support lies in between, or if the request asks for it.
   Its answer is used only if the support check finds every sentence of it supported by a passage;
   if not, or if the model or the check fails, tier 0's answer is given and a notice says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.answer_log import QuotedSpan
from chalicelib.contracts.answers import (
    AskCitation,
    AskClaim,
    AskDone,
    AskEvent,
    AskRefused,
    AskResponse,
    AskRetrieved,
    Citation,
    Claim,
    ConversationTurn,
    Tier,
    fold_events,
    render_claim,
)
from chalicelib.errors import HeadraceError
from chalicelib.retrieval.answer.answer_log import NOT_LOGGED, AnswerLog, AnswerRecord
from chalicelib.retrieval.answer.citations import cite_claims, is_quoted_verbatim
from chalicelib.retrieval.answer.evidence import (
    Evidence,
    OriginalQuestion,
    SentenceScreen,
    blank_instructions,
    boost_evidence,
    candidate_sentences,
    extract_claims,
    is_sufficient,
    text_to_embed,
    weigh_evidence,
)
from chalicelib.retrieval.answer.generated_answers import (
    AnswerUsage,
    AnswerWriter,
    ModelUse,
    PreparedQuestion,
    SourcedClaims,
    SupportChecker,
    generate_claims,
)
from chalicelib.retrieval.answer.question_rewriter import is_faithful_rewrite, rewrite_question
from chalicelib.retrieval.answer.replies import filter_replies
from chalicelib.retrieval.text.language import LANGUAGES, detect_language, refusal_text

if TYPE_CHECKING:
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.query import Query, SearchResult
    from chalicelib.retrieval.search.searcher import QueryEmbedder, Searcher

_HARD_TO_TELL_APART = {"da", "no"}
"""Danish and Norwegian share most of the words by which a language is detected."""


class AnswerPrices(Protocol):
    """Prices the models and the index query that an answer used."""

    def answer(self, question: str, passages: Sequence[Hit], used: Sequence[ModelUse]) -> Receipt:
        """Return the receipt of `used`, in order, and of the one query of the index.

        If no language model was called, the receipt also says what calling one would have cost.
        """


@dataclass(frozen=True, slots=True)
class _Draft:
    """The claims of an answer before they are cited, and the tier that they come from."""

    claims: SourcedClaims
    tier: Tier


@dataclass(frozen=True, slots=True)
class QuestionAnswerer:
    """Answers questions from the documents of a tenant.

    Without a `writer` only tier 0 answers. Without an `answer_log` no answer can be rated.
    """

    searcher: Searcher
    embedder: QueryEmbedder
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

        `contracts/answers.py` gives their order. A claim is yielded only once sources support the
        whole answer, and is never retracted. An invalid query raises before the first event.

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
        draft = self._draft(question, result)
        sentences: list[str] = []
        citations: list[Citation] = []
        if not draft.claims:
            sentences.append(refusal_text(question.language))
            yield AskRefused(answer=sentences[0])
        for cited in cite_claims(draft.claims):
            for citation in cited.new_citations:
                citations.append(citation)
                yield AskCitation(citation=citation)
            numbers = tuple(citation.n for citation in cited.citations)
            claim = Claim(text=cited.claim, citations=numbers)
            sentences.append(render_claim(claim))
            yield AskClaim(claim=claim)
        usage.notices += _language_notices(question.language, draft)
        answer_id = self._log(question, result, _record(question, draft.tier, sentences, citations))
        yield AskDone(
            answer_id=answer_id,
            tier=draft.tier,
            language=question.language,
            receipt=self.prices.answer(text, result.passages, usage.uses),
            notices=tuple(usage.notices),
        )

    def _prepare(
        self, query: Query, tier: Tier | None, history: Sequence[ConversationTurn]
    ) -> PreparedQuestion:
        """Return the question with the text to search for, which is rewritten for a follow-up."""
        usage = AnswerUsage()
        deadline = self.writer.deadline() if self.writer is not None else 0.0
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
        try:
            reply = self.writer.rewrite(query.text, history, query.spender, deadline)
        except HeadraceError as error:
            usage.add_failure("question", error, "complete the question")
            return by_rules.text
        usage.add_reply("question", reply)
        text = reply.text.strip()
        if reply.is_complete and is_faithful_rewrite(text, query.text, history):
            return text
        return by_rules.text

    def _draft(self, question: PreparedQuestion, found: SearchResult) -> _Draft:
        """Return the claims of the cheapest tier that suffices, or of the requested tier."""
        passages, blanked = blank_instructions(found.passages, self.screen)
        if blanked:
            question.usage.notices.append(_screening_notice(blanked))
        evidence = self._weigh(question, found, passages)
        replies = filter_replies(question.query.text, evidence)
        claims = extract_claims(replies)
        if claims and _needs_language_model(question.tier, replies):
            generated = generate_claims(question, evidence, self.writer, self.checker)
            # A source with a blanked sentence could not be quoted as its page has it.
            if generated and all(
                is_quoted_verbatim(source, found.passages) for _, source in generated
            ):
                return _Draft(generated, "llm")
        return _Draft(claims, "extractive")

    def _weigh(
        self, question: PreparedQuestion, found: SearchResult, passages: Sequence[Hit]
    ) -> list[Evidence]:
        """Return the sentences of `passages` by how well they support an answer, best first."""
        query = question.query
        sources = candidate_sentences(query.text, passages)
        if not sources:
            return []
        is_rewritten = question.original != query.text
        texts = [text_to_embed(source) for source in sources] + [question.original] * is_rewritten
        embedded = self.embedder.embed(texts, query.correlation_id, found.embedding.model)
        vectors = question.usage.add_embedding("sentence", embedded).vectors
        original = OriginalQuestion(question.original, vectors[-1]) if is_rewritten else None
        weighed = weigh_evidence(
            query.text, found.vector, sources, vectors[: len(sources)], original
        )
        return boost_evidence(weighed, found.vote_weights)

    def _log(self, question: PreparedQuestion, found: SearchResult, record: AnswerRecord) -> str:
        """Return the id under which the answer can be rated, or "" with a notice if it has none."""
        if self.answer_log is None:
            return ""
        answer_id = self.answer_log.record(question.query.tenant, record, found)
        if not answer_id:
            question.usage.notices.append(NOT_LOGGED)
        return answer_id


def _record(
    question: PreparedQuestion,
    tier: Tier,
    sentences: Sequence[str],
    citations: Sequence[Citation],
) -> AnswerRecord:
    return AnswerRecord(
        kind="answer",
        question=question.original,
        asked_as=question.query.text,
        answer=" ".join(sentences),
        tier=tier,
        cited=tuple(QuotedSpan(**citation.model_dump(exclude={"n"})) for citation in citations),
    )


def _needs_language_model(tier: Tier | None, evidence: Sequence[Evidence]) -> bool:
    return tier == "llm" or (tier is None and not is_sufficient(evidence))


def _screening_notice(count: int) -> str:
    sentences = "1 sentence" if count == 1 else f"{count} sentences"
    verb = "gives" if count == 1 else "give"
    return f"{sentences} of the documents {verb} orders to a language model, and took no part."


def _language_notices(question_language: str, draft: _Draft) -> list[str]:
    """Return a notice if the documents answer in another language than the question's."""
    answer_language = detect_language(" ".join(text for text, _ in draft.claims))
    languages = {question_language, answer_language}
    if "" in languages or len(languages) == 1 or languages == _HARD_TO_TELL_APART:
        return []
    question, answer = LANGUAGES[question_language], LANGUAGES[answer_language]
    return [f"The question is in {question}; the documents answer in {answer}."]
