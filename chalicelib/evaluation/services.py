"""The services of graders on a stage: its models, its functions, and pages of documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.check_support import CheckSource
from chalicelib.contracts.generations import ChatOutput, Terms
from chalicelib.contracts.receipts import ReceiptLine, dollars
from chalicelib.contracts.screening import OriginText
from chalicelib.documents.pages import stored_page
from chalicelib.errors import ModelFailure, NotFound
from chalicelib.evaluation.graders.base import JudgeReply
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.retrieval.ids import pages_key

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.answers import Citation
    from chalicelib.contracts.functions.check_support import ClaimVerdict
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.generations import ChatCall
    from chalicelib.contracts.screening import Category, Finding
    from chalicelib.generation.dependencies import CallLimits
    from chalicelib.prompts.runs import TurnGenerator
    from chalicelib.retrieval.answer.generated_answers import SupportChecker
    from chalicelib.screening.screener import ContentScreens

JUDGE = "judge"


class AnswerEmbedder(Protocol):
    """Embeds texts by the stage's own model."""

    def embed(self, texts: Sequence[str], correlation_id: str) -> EmbedTextResult:
        """Return one vector a text, in order."""


class PageObjects(Protocol):
    """The texts of documents' pages."""

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the bytes of an object in pieces; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class ModelJudge:
    """Has a model of the stage judge."""

    generator: TurnGenerator
    spender: Spender
    limits: CallLimits

    def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
        """Return the reply of a model to `call`; what it cost is told as a judge's."""
        terms = Terms(model=model, quality=quality if model == "auto" else 1)
        made = self.generator.generate(call, terms, self.spender, self.limits)
        if not isinstance(made.output, ChatOutput):
            raise ModelFailure(f"{made.model} judged with no text.")
        lines = tuple(line.model_copy(update={"role": JUDGE}) for line in made.receipt.lines)
        return JudgeReply(made.output.text, lines)


@dataclass(frozen=True, slots=True)
class StageServices:
    """The services of one run.

    `cost` returns the price of so many seconds of a function, in nano-dollars.
    """

    generator: TurnGenerator
    embedder: AnswerEmbedder
    checker: SupportChecker
    screens: ContentScreens
    pages: PageObjects
    bucket: str
    spender: Spender
    limits: CallLimits
    cost: Callable[[float], int]

    def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
        """Return the reply of a model to `call`; what it cost is told as a judge's."""
        return ModelJudge(self.generator, self.spender, self.limits).judge(call, model, quality)

    def embed(
        self, texts: Sequence[str]
    ) -> tuple[Sequence[Sequence[float]], tuple[ReceiptLine, ...]]:
        """Return the vectors of `texts`; a long text is embedded by its beginning."""
        made = self.embedder.embed(texts, self.spender.correlation_id)
        return made.vectors, (self._line(made.model, "similarity", made.tokens, made.seconds),)

    def support(
        self, question: str, claims: Sequence[str], sources: Sequence[str]
    ) -> tuple[Sequence[ClaimVerdict], tuple[ReceiptLine, ...]]:
        """Return whether the sources support each claim."""
        given = [CheckSource(id=number, text=text) for number, text in enumerate(sources)]
        made = self.checker.check(question, claims, given, self.spender.correlation_id)
        return made.verdicts, (self._line(made.model, "support check", made.tokens, made.seconds),)

    def screen(
        self, text: str, categories: Sequence[Category], least: float
    ) -> tuple[Finding, ...]:
        """Return what is found in a text that a model wrote."""
        texts = [OriginText(text=text, origin="output")]
        return self.screens.of_texts(texts, categories, least, self.spender.correlation_id)

    def quoted_text(self, citation: Citation) -> str | None:
        """Return the characters of the page that a citation names, None if they are not there."""
        key = pages_key(self.spender.tenant, citation.document_id, citation.version)
        try:
            page = stored_page(self.pages.stream(self.bucket, key), citation.page)
        except NotFound:
            return None
        return None if page is None else page.text[citation.start : citation.end]

    def _line(self, model: str, role: str, tokens: int, seconds: float) -> ReceiptLine:
        return ReceiptLine(
            model=model,
            priced_as=LAMBDA,
            role=role,
            tokens_in=tokens,
            seconds=round(seconds, 6),
            dollars=dollars(self.cost(seconds)),
        )
