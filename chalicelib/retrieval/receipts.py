"""Receipts of searches and answers: a line per model and service, at AWS's list prices.

A receipt line names the model that replied, and is priced as the model that was requested: if a
local model replaces one of Bedrock's, the line names both. Seconds are measured; a function is
billed for its memory over that time, and for its request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import NextDearer, Receipt, ReceiptLine, dollars
from chalicelib.generation.catalogue import LAMBDA, S3_VECTORS, Catalogue
from chalicelib.generation.request_costs import QUESTION, requests_line
from chalicelib.retrieval.answer.model_calls import ModelReply, ModelUse
from chalicelib.retrieval.search.query import ImageQuery

if TYPE_CHECKING:
    from chalicelib.contracts.functions.check_support import CheckResult
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.functions.label_picture import LabelPictureResult
    from chalicelib.contracts.functions.rerank_passages import RerankResult
    from chalicelib.contracts.search import Hit

_MEBIBYTES_IN_A_GB = 1024
_CHARACTERS_IN_A_TOKEN = 4
_QUESTION = "question embedding"
_ANSWER = "answer"
_RERANK = "rerank"
_LABELLING = "picture labelling"
_PICTURES = "picture embedding"


@dataclass(frozen=True, slots=True)
class QueryPrices:
    """Prices of searches and answers; `chat_model_id` is "" if no language model is set up."""

    catalogue: Catalogue
    chat_model_id: str
    embed_memory_mb: int
    architecture: str = "arm64"

    def search(
        self,
        embedding: EmbedTextResult,
        reranked: RerankResult | None = None,
        seen: LabelPictureResult | None = None,
        pictured: ImageQuery | None = None,
    ) -> Receipt:
        """Return the receipt of one search.

        It includes the labelling of an image that was searched by, and the use of a collection's
        own image model.
        """
        texts = [self._embedding(_QUESTION, embedding), self._query()]
        lines = texts if pictured is None or not pictured.images_only else []
        if pictured is not None:
            lines += self._pictures(pictured)
        if seen is not None:
            lines.insert(0, self._function(_LABELLING, seen.model, seen.seconds, images=1))
        if reranked is not None:
            lines.append(self._embedding(_RERANK, reranked))
        return Receipt.of([*lines, self._requests()])

    def answer(self, question: str, passages: Sequence[Hit], used: Sequence[ModelUse]) -> Receipt:
        """Return the receipt of an answer.

        If no model wrote a reply, because it failed or only completed the question, the receipt
        also says what such a reply would have cost.
        """
        lines = [line for use in used for line in self._lines(use)]
        roles = [line.role for line in lines]
        lines.insert(roles.index(_QUESTION) + 1, self._query())
        replied = any(_is_reply(use) for use in used)
        dearer = None if replied or not passages else self._dearer(question, passages)
        return Receipt.of([*lines, self._requests()], dearer)

    def _pictures(self, pictured: ImageQuery) -> Sequence[ReceiptLine]:
        """Return the lines of a search by an image model.

        It takes two queries: one finds the images, the other looks for those of other versions.
        """
        embedding = pictured.embedding
        line = self._function(
            _PICTURES, embedding.version, embedding.seconds, images=pictured.images
        )
        return [
            line.model_copy(update={"tokens_in": embedding.tokens}),
            self._query("picture query", 2),
        ]

    def _requests(self) -> ReceiptLine:
        return requests_line(self.catalogue.cost, QUESTION)

    def _query(self, role: str = "hybrid query", count: int = 1) -> ReceiptLine:
        return ReceiptLine(
            model=S3_VECTORS,
            priced_as=S3_VECTORS,
            role=role,
            dollars=dollars(self.catalogue.cost("s3vectors.query.request", count)),
        )

    def _lines(self, use: ModelUse) -> Sequence[ReceiptLine]:
        """Return the lines of one use; a language model has one for every attempt."""
        if isinstance(use.result, ModelReply):
            return [line.model_copy(update={"role": use.role}) for line in use.result.lines]
        return [self._embedding(use.role, use.result)]

    def _embedding(
        self, role: str, embedding: EmbedTextResult | RerankResult | CheckResult
    ) -> ReceiptLine:
        line = self._function(role, embedding.model, embedding.seconds)
        return line.model_copy(update={"tokens_in": embedding.tokens})

    def _function(self, role: str, model: str, seconds: float, *, images: int = 0) -> ReceiptLine:
        """Return the line of a function that serves queries; all have the same memory."""
        gb_seconds = seconds * self.embed_memory_mb / _MEBIBYTES_IN_A_GB
        cost = self.catalogue.cost(f"lambda.gb_second.{self.architecture}", gb_seconds)
        cost += self.catalogue.cost("lambda.request", 1)
        return ReceiptLine(
            model=model,
            priced_as=LAMBDA,
            role=role,
            images=images,
            seconds=round(seconds, 6),
            dollars=dollars(cost),
        )

    def _dearer(self, question: str, passages: Sequence[Hit]) -> NextDearer | None:
        """Return the price of tier 1 for the same question, with the longest possible answer."""
        model = self.catalogue.bedrock_model(self.chat_model_id)
        if not self.chat_model_id:
            return None
        from chalicelib.generation.fences import random_fence
        from chalicelib.retrieval.answer.passage_writer import MAX_ANSWER_TOKENS, answer_prompt

        prompt = answer_prompt(question, (), random_fence())
        characters = sum(len(passage.text) for passage in passages)
        tokens = characters // _CHARACTERS_IN_A_TOKEN
        tokens = min(tokens, model.passage_tokens) if model is not None else tokens
        tokens += (len(prompt.system) + len(prompt.user)) // _CHARACTERS_IN_A_TOKEN
        cost = self._tokens(tokens, MAX_ANSWER_TOKENS)
        return NextDearer(path=f"llm by {self.chat_model_id}", dollars=dollars(cost))

    def _tokens(self, tokens_in: int, tokens_out: int) -> int:
        """Return nano-dollars; 0 for a model that the catalogue does not price."""
        model_id = self.chat_model_id
        added = f"served.{model_id}"
        if f"{added}.input_token" in self.catalogue.prices:
            cost = self.catalogue.cost(f"{added}.input_token", tokens_in)
            return cost + self.catalogue.cost(f"{added}.output_token", tokens_out)
        priced = self.catalogue.priced_model(model_id)
        return self.catalogue.token_cost(model_id, tokens_in, tokens_out) if priced else 0


def _is_reply(use: ModelUse) -> bool:
    return use.role == _ANSWER and isinstance(use.result, ModelReply) and bool(use.result.text)
