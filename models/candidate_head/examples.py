"""Training examples: what the product finds for each question, and which candidates answer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.ingest import Page
from chalicelib.retrieval.answer.candidates import (
    AnswerCandidate,
    Features,
    best_candidates,
    find_candidates,
)
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.evidence import Evidence, text_to_embed, weigh_evidence
from chalicelib.retrieval.search.query import Query
from models.real_files.collection import TENANT, RealCollection
from models.real_files.questions import RealFile, RealQuestion
from models.real_files.spans import answer_ranges, holds, overlaps

TOP_K = 10


@dataclass(frozen=True, slots=True)
class CandidateExample:
    """A question, its candidates, and whether each answers: None if only its context does."""

    question: RealQuestion
    package: str
    candidates: tuple[AnswerCandidate, ...]
    answers: tuple[bool | None, ...]


def find_examples(
    collection: RealCollection, files: Sequence[RealFile]
) -> Iterator[CandidateExample]:
    """Yield an example for each question, with every candidate of the passages that are found."""
    for file in files:
        for question in file.questions:
            query = Query(TENANT, question.text, None, TOP_K, "")
            passages = collection.searcher.search(query).passages
            candidates = tuple(find_candidates(question.text, passages))
            answers = tuple(
                _answers(file, question, each.source, collection.pages[file.name])
                for each in candidates
            )
            yield CandidateExample(question, file.package.name, candidates, answers)


def _answers(
    file: RealFile, question: RealQuestion, source: SourceSentence, pages: Sequence[Page]
) -> bool | None:
    if question.is_near_miss or source.passage.path != file.name:
        return False
    *_, number, start, end = source.position
    if holds(source.text, question.answers):
        return True
    page = next(page for page in pages if page.page == number)
    if overlaps(start, end, answer_ranges(page, question.answers)):
        return True
    return None if holds(source.statement, question.answers) else False


@dataclass(frozen=True, slots=True)
class ComparedExample:
    """A question whose best candidates were compared with it.

    `answers` and `features` are of the candidates, `evidence` the same weighed, best first, and
    `answering` the sources that answer, or whose context does.
    """

    question: RealQuestion
    package: str
    answers: tuple[bool | None, ...]
    features: tuple[Features, ...]
    evidence: tuple[Evidence, ...]
    answering: tuple[SourceSentence, ...]


def compare_candidates(
    collection: RealCollection, example: CandidateExample, selection: Features
) -> ComparedExample:
    """Return the example with its best candidates alone, compared and weighed."""
    best = best_candidates(example.candidates, selection)
    known = dict(zip(map(id, example.candidates), example.answers, strict=True))
    answers = tuple(known[id(each)] for each in best)
    evidence: list[Evidence] = []
    if best:
        texts = [text_to_embed(each.source) for each in best]
        compared = collection.embedder.compare(example.question.text, texts, "")
        evidence = weigh_evidence(example.question.text, best, compared)
    features = {id(item.source): item.features for item in evidence}
    return ComparedExample(
        example.question,
        example.package,
        answers,
        tuple(features[id(each.source)] for each in best),
        tuple(evidence),
        tuple(
            each.source for each, answer in zip(best, answers, strict=True) if answer is not False
        ),
    )
