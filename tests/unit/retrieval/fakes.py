"""Fakes of the query's ports, and a vector for any text that needs no model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.answers import ConversationTurn
from chalicelib.contracts.collections import Declaration
from chalicelib.contracts.functions.check_support import (
    CheckResult,
    CheckSource,
    ClaimVerdict,
    Doubt,
)
from chalicelib.contracts.functions.embed_text import EmbedTextResult, TextMatch
from chalicelib.contracts.functions.label_picture import LabelPictureResult
from chalicelib.contracts.functions.rerank_passages import RerankResult
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.picture_labels import Label
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.search import Hit, Neighbour
from chalicelib.errors import HeadraceError
from chalicelib.retrieval.answer.evidence import cosine
from chalicelib.retrieval.answer.model_calls import ModelReply, ModelUse
from chalicelib.retrieval.search.filters import IndexFilter
from chalicelib.retrieval.text.sentences import split_sentences
from chalicelib.retrieval.text.terms import Word, numbers_in, terms, tokenize

DIMENSIONS = 256


def vector_of(text: str) -> tuple[float, ...]:
    """Return a unit vector: texts that share words are alike."""
    counts = [0.0] * DIMENSIONS
    for term in terms(text):
        counts[hashlib.sha256(term.encode()).digest()[0]] += 1.0
    length = math.sqrt(sum(count * count for count in counts))
    return tuple(count / length if length else 0.0 for count in counts)


def hit(text: str, document_id: str = "doc_a", version: str = "v_1", **fields: object) -> Hit:
    values: dict[str, object] = {
        "document_id": document_id,
        "version": version,
        "path": f"{document_id}.md",
        "collection": "default",
        "page": 1,
        "heading": "",
        "start": 0,
        "text": text,
        "score": 0.5,
    } | fields
    values.setdefault("end", int(str(values["start"])) + len(text))
    return Hit.model_validate(values)


@dataclass
class FakeEmbedder:
    calls: list[tuple[str, ...]] = field(default_factory=list)
    correlation_ids: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        self.models.append(model)
        self.calls.append(tuple(texts))
        self.correlation_ids.append(correlation_id)
        return EmbedTextResult(
            vectors=tuple(vector_of(text) for text in texts),
            model="words",
            tokens=sum(len(text.split()) for text in texts),
            seconds=0.01,
        )

    def compare(self, question: str, texts: Sequence[str], correlation_id: str) -> EmbedTextResult:
        embedded = self.embed(texts, correlation_id)
        return embedded.model_copy(
            update={"matches": tuple(match_of(question, text) for text in texts)}
        )


def match_of(question: str, text: str) -> TextMatch:
    """Return a comparison in which a word comes near to words of its own stem alone."""
    asked, told = tokenize(question), tokenize(text)
    return TextMatch(
        cosine=cosine(vector_of(question), vector_of(text)),
        words=_near(asked, told),
        own=_near(told, asked),
    )


def _near(words: Sequence[Word], others: Sequence[Word]) -> tuple[float, ...]:
    stems = {word.stem for word in others}
    return tuple(1.0 if word.stem in stems else 0.2 for word in words)


@dataclass
class FakeIndex:
    hits: Sequence[Hit]
    asked: list[dict[str, object]] = field(default_factory=list)
    vectors: list[Sequence[float]] = field(default_factory=list)
    others: Mapping[str, Neighbour] = field(default_factory=dict)
    """Chunks by key, found or not."""

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterable[Hit]:
        asked = {"index": index.name, "text": text, "count": count, "condition": condition}
        self.asked.append(asked)
        self.vectors.append(vector)
        return self.hits[:count]

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        return {key: self.others[key] for key in keys if key in self.others}


@dataclass
class FakeLabeller:
    """Sees in every picture what its bytes say, and a little of something else; or fails."""

    fails: HeadraceError | None = None
    asked: list[tuple[bytes, str]] = field(default_factory=list)

    def label(self, picture: bytes, correlation_id: str) -> LabelPictureResult:
        self.asked.append((picture, correlation_id))
        if self.fails is not None:
            raise self.fails
        labels = (Label(name=picture.decode(), share=0.75), Label(name="sock", share=0.25))
        return LabelPictureResult(
            media_type="image/png", labels=labels, model="labeller", seconds=0.1
        )


@dataclass
class FakeDeclarations:
    declared: Mapping[str, Declaration] = field(default_factory=dict)

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        return self.declared.get(name)


@dataclass
class FakeVersions:
    current: Mapping[str, str]

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        return {name: self.current[name] for name in document_ids if name in self.current}


@dataclass
class FakeReranker:
    """Likes the last passage best, and so on to the first; or fails."""

    fails: HeadraceError | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        self.asked.append((query, len(passages)))
        if self.fails is not None:
            raise self.fails
        scores = tuple(float(at) for at in range(len(passages)))
        return RerankResult(scores=scores, model="backwards", tokens=9, seconds=0.2)


WRITTEN = ReceiptLine(
    model="writer", priced_as="nova", role="chat", tokens_in=100, tokens_out=10, seconds=0.5
)


@dataclass
class FakeWriter:
    says: str | HeadraceError
    rewrites: str | HeadraceError = ""
    whole: bool = True
    space: int = 1_000
    asked: list[str] = field(default_factory=list)
    given: list[tuple[Hit, ...]] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    spenders: list[Spender] = field(default_factory=list)
    found: tuple[str, ...] = ()
    questions: int = 0
    deadlines: list[float] = field(default_factory=list)
    requested: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Seconds that are left, before and after each call."""

    def deadline(self, *, is_requested: bool = True) -> float:
        self.questions += 1
        return float(self.questions)

    def seconds_left(self, deadline: float) -> float:
        return self.seconds.pop(0) if self.seconds else 1.0

    def token_budget(self, question: str, language: str = "") -> int:
        return self.space

    def count_tokens(self, passage: Hit) -> int:
        return len(passage.text.split())

    def write(
        self,
        question: str,
        passages: Sequence[Hit],
        spender: Spender,
        deadline: float,
        language: str = "",
        *,
        is_requested: bool = True,
    ) -> ModelReply:
        self.requested.append(is_requested)
        self.spenders.append(spender)
        self.deadlines.append(deadline)
        self.asked.append(question)
        self.given.append(tuple(passages))
        self.languages.append(language)
        return self._reply(self.says)

    def rewrite(
        self,
        question: str,
        history: Sequence[ConversationTurn],
        spender: Spender,
        deadline: float,
        *,
        is_requested: bool = True,
    ) -> ModelReply:
        self.spenders.append(spender)
        self.deadlines.append(deadline)
        self.rewritten.append(question)
        return self._reply(self.rewrites)

    def _reply(self, says: str | HeadraceError) -> ModelReply:
        if isinstance(says, HeadraceError):
            raise says
        return ModelReply(says, (WRITTEN,), self.whole, self.found)


@dataclass
class FakeScreen:
    """Takes a sentence with the word `robot` for an order to a language model."""

    def aimed_at_model(self, sentences: Sequence[str]) -> Sequence[bool]:
        return ["robot" in sentence for sentence in sentences]


@dataclass
class FakePrices:
    """Receipts with a line for each use, and no dollars."""

    def answer(self, question: str, passages: Sequence[Hit], used: Sequence[ModelUse]) -> Receipt:
        return Receipt.of(line for use in used for line in self._lines(use))

    def _lines(self, use: ModelUse) -> Iterator[ReceiptLine]:
        if isinstance(use.result, ModelReply):
            yield from (line.model_copy(update={"role": use.role}) for line in use.result.lines)
        else:
            yield ReceiptLine(model=use.result.model, role=use.role)


@dataclass
class FakeChecker:
    """Lets a claim through where one sentence of a source holds most of its words and all of its
    numbers; or fails.
    """

    fails: HeadraceError | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        if self.fails is not None:
            raise self.fails
        self.asked.append(tuple(claims))
        known = set(terms(question))
        verdicts = tuple(self._verdict(claim, sources, known) for claim in claims)
        return CheckResult(verdicts=verdicts, model="words", tokens=9, seconds=0.02)

    def _verdict(self, claim: str, sources: Sequence[CheckSource], known: set[str]) -> ClaimVerdict:
        told = set(terms(claim))
        for source in sources:
            for span in split_sentences(source.text):
                text = source.text[span.start : span.end]
                held = told & (known | set(terms(text)))
                if numbers_in(claim) <= numbers_in(text) and len(held) >= 0.75 * len(told):
                    return ClaimVerdict(
                        supported=True, source=source.id, score=1, start=span.start, end=span.end
                    )
        return ClaimVerdict(supported=False, source=None, score=0, reasons=(Doubt.NOT_COVERED,))
