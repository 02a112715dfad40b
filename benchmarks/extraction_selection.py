"""A language model for open fields: what its choices add to the ranker, and what they spoil.

Fields outside lists of drawn documents, of designs that the ranker does not learn from. SmolLM2
answers, as it does for every model of Bedrock on a laptop. No larger model is at hand, so others
are simulated: right for a stated share of fields, and for the others the likeliest wrong span.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.extraction_figures import Counts, f1, share
from benchmarks.extraction_judging import JudgedDocument, is_same, judge
from benchmarks.extraction_ours import OwnExtractor
from benchmarks.extraction_reading import read_file
from benchmarks.reporting import Result, spread
from benchmarks.techniques.answerer import ChatServer
from benchmarks.techniques.measuring import GGUF, MODEL, served
from chalicelib.contracts.generations import ChatOutput, Terms
from chalicelib.errors import HeadraceError
from chalicelib.extraction.document_values import NO_SELECTION, DocumentReading, SpanSelection
from chalicelib.extraction.open_fields import OpenField, open_fields
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.span_selection.grounded_choices import (
    SpanChoice,
    grounded,
    span_choices,
)
from chalicelib.extraction.span_selection.likelihood import RATIOS
from chalicelib.extraction.span_selection.prompt import SpanQuestion, span_questions
from chalicelib.extraction.value_tree import json_value
from models.datasets.business_documents import GeneratedDocument
from models.field_ranker.splits import split_documents

SEED = 142
DOCUMENTS, ANSWERED = 60, 20
"""Documents of the simulated models, and how many of them the small model answers."""
UNGATED = 1e6
"""The ratio of a model that is taken at its word."""
SIMULATED = ((1, 3 / 4), (1, 1 / 2), (2, 6 / 7), (3, 9 / 10), (3, 3 / 4))
"""Simulated models: the tier, which gives the ratio, and the share of fields that they get right.
The first of a tier is as good as its ratio supposes, the others are worse."""
NOTES = (
    "Intervals are 95 %, by 400 draws of documents.",
    "Of a simulated model every mistake is the likeliest wrong span: the worst that there can be.",
    "No large model was asked: what one adds is not known from here.",
)
_FENCE = "@@7d1c5a90e2b34f68"
_NO_SPENDER: Any = None
"""Nobody's budget: what is measured here is not billed to a tenant."""

Answer = Callable[[SpanQuestion], str | None]
"""Returns a model's answer to a question, None if it gives none."""


@dataclass(frozen=True, slots=True)
class OpenDocument:
    """A drawn document as it was read without a model, and the questions about its open fields.

    `number` is its place among the drawn ones.
    """

    number: int
    drawn: GeneratedDocument
    reading: DocumentReading
    fields: tuple[OpenField, ...]
    questions: tuple[SpanQuestion, ...]

    def right(self, field: OpenField) -> list[bool]:
        """Return which of the spans that are offered for a field are right."""
        (true,) = (each for each in self.drawn.truth if each.pointer == field.read.pointer)
        values = (json_value(offer.candidate.match.value) for offer in field.offers)
        return [true.value is not None and is_same(true.kind, true.value, each) for each in values]

    def judged(self, selection: SpanSelection = NO_SELECTION) -> JudgedDocument:
        """Return the fields outside lists, with what a model selected."""
        document = self.reading.reader.document
        return judge(self.reading.extraction(selection), self.drawn.truth, (), document)

    def selected(self, answers: Sequence[str | None], ratio: float) -> JudgedDocument:
        """Return the fields as judged with the answers to the questions."""
        choices: list[SpanChoice] = []
        for question, answer in zip(self.questions, answers, strict=True):
            choices += span_choices(question, answer, ratio) if answer is not None else []
        found = grounded(self.reading, choices)
        return self.judged(SpanSelection(found.spans, found.reasons))


def measure(repetitions: int = 1) -> Result:
    """Ask about `repetitions` times as many documents as usual."""
    extractor = OwnExtractor.open()
    drawn = split_documents("validation", SEED, range(DOCUMENTS * repetitions))
    documents = [_opened(at, each, extractor) for at, each in enumerate(drawn)]
    alone = [each.judged() for each in documents]
    facts: dict[str, Any] = {
        "extractor": extractor.version,
        "open fields": _open_figures(documents),
        "ranker alone": _figures(alone),
    }
    for tier, rate in SIMULATED:
        answers = [list(map(_simulated(each, rate), each.questions)) for each in documents]
        judged = [
            each.selected(of, RATIOS[tier]) for each, of in zip(documents, answers, strict=True)
        ]
        facts[f"simulated, tier {tier}, right on {rate:.2f}"] = _figures(judged)
    some = documents[: ANSWERED * repetitions]
    facts[f"ranker alone, first {len(some)}"] = _figures([each.judged() for each in some])
    seconds, answers = _by_small_model(some)
    for name, ratio in (("gated", 1.0), ("by tier 1", RATIOS[1]), ("at its word", UNGATED)):
        judged = [each.selected(of, ratio) for each, of in zip(some, answers, strict=True)]
        facts[f"{MODEL}, {name}"] = _figures(judged)
    facts[f"{MODEL}, ratio"] = _ratio(some, answers)
    measured = {"a call of the small model": spread(seconds, "s")}
    return Result("extraction_selection", repetitions, measured, facts=facts, notes=NOTES)


def _opened(number: int, drawn: GeneratedDocument, extractor: OwnExtractor) -> OpenDocument:
    read = read_file("document.pdf", drawn.pdf)
    reading = extractor.extractor.read(extraction_schema(dict(drawn.schema)), read.document)
    fields = open_fields(reading)
    questions, _ = span_questions(fields, reading.reader.layouts[0], lambda: _FENCE)
    return OpenDocument(number, drawn, reading, tuple(fields), tuple(questions))


def _by_small_model(
    documents: Sequence[OpenDocument],
) -> tuple[list[float], list[list[str | None]]]:
    """Return the seconds of each call, and the answers by document."""
    seconds: list[float] = []
    with served(GGUF) as address:
        server = ChatServer(address, MODEL)

        def answer(question: SpanQuestion) -> str | None:
            began = time.monotonic()
            try:
                output = server.generate(question.call, Terms(), _NO_SPENDER).output
            except HeadraceError:
                return None
            finally:
                seconds.append(time.monotonic() - began)
            assert isinstance(output, ChatOutput), "a chat is asked for"
            return output.text if output.finish == "stop" else None

        return seconds, [list(map(answer, each.questions)) for each in documents]


def _simulated(document: OpenDocument, rate: float) -> Answer:
    """Return a model that is right on a share of the fields, and misled on the others."""
    rng = random.Random(f"{SEED}/{rate}/{document.number}")  # noqa: S311

    def answer(question: SpanQuestion) -> str:
        told = {}
        for key, field in question.fields.items():
            numbers = {offer.at: number for number, offer in question.offers[key].items()}
            wanted = rng.random() < rate
            found = [
                numbers[offer.at]
                for offer, right in zip(field.offers, document.right(field), strict=True)
                if right is wanted
            ]
            told[key] = found[0] if found else 0
        return json.dumps(told)

    return answer


def _open_figures(documents: Sequence[OpenDocument]) -> Mapping[str, Any]:
    offered = [document.right(field) for document in documents for field in document.fields]
    truth = {
        (at, true.pointer): true.value is not None
        for at, document in enumerate(documents)
        for true in document.drawn.truth
    }
    asked = [
        truth[at, field.read.pointer]
        for at, document in enumerate(documents)
        for field in document.fields
    ]
    return {
        "fields": len(asked),
        "of which the document has": sum(asked),
        "with the right span on offer": sum(map(any, offered)),
        "calls": sum(len(document.questions) for document in documents),
    }


def _figures(judged: Sequence[JudgedDocument]) -> Mapping[str, Any]:
    return {
        "documents": len(judged),
        "value F1": f1(judged, lambda leaf: True),
        "values that are right": share(judged, _precision),
        "true values that are found": share(judged, _recall),
        "blanks given a value": share(judged, _invented),
    }


def _precision(document: JudgedDocument) -> Counts:
    found = [leaf for leaf in document.leaves if leaf.found]
    return sum(leaf.right for leaf in found), len(found)


def _recall(document: JudgedDocument) -> Counts:
    present = [leaf for leaf in document.leaves if leaf.present]
    return sum(leaf.right for leaf in present), len(present)


def _invented(document: JudgedDocument) -> Counts:
    blanks = [leaf for leaf in document.leaves if leaf.blank]
    return sum(leaf.invented for leaf in blanks), len(blanks)


def _ratio(
    documents: Sequence[OpenDocument], answers: Sequence[Sequence[str | None]]
) -> Mapping[str, Any]:
    """Return how much likelier a span is chosen when it is right, of fields that have one."""
    chosen = {True: 0, False: 0}
    offered = {True: 0, False: 0}
    answered = numbers = 0
    for document, of in zip(documents, answers, strict=True):
        for question, answer in zip(document.questions, of, strict=True):
            if answer is None:
                continue
            answered += 1
            choices = {
                each.field.read.pointer: each.offer
                for each in span_choices(question, answer, 1.0)
                if each.offer is not None
            }
            numbers += len(choices)
            for field in question.fields.values():
                rights = document.right(field)
                if not any(rights):
                    continue
                picked = choices.get(field.read.pointer)
                for offer, right in zip(field.offers, rights, strict=True):
                    offered[right] += 1
                    chosen[right] += picked is offer
    rates = {right: chosen[right] / max(1, offered[right]) for right in (True, False)}
    return {
        "answers that are whole": answered,
        "numbers that were on offer for their field": numbers,
        "right spans that are chosen": round(rates[True], 3),
        "wrong spans that are chosen": round(rates[False], 3),
        "ratio": round(rates[True] / rates[False], 2) if rates[False] else None,
    }
