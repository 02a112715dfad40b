"""Training examples: what the product finds for each question, and which candidates answer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.ingest import Page
from chalicelib.retrieval.answer.answer_features import answer_features
from chalicelib.retrieval.answer.candidates import (
    AnswerCandidate,
    Features,
    best_candidates,
    find_candidates,
)
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.answer.evidence import text_to_embed
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


def compare_candidates(
    collection: RealCollection, example: CandidateExample, selection: Features
) -> tuple[CandidateExample, list[Features]]:
    """Return the example with its best candidates alone, and the features of these."""
    best = best_candidates(example.candidates, selection)
    answers = dict(zip(map(id, example.candidates), example.answers, strict=True))
    kept = CandidateExample(
        example.question, example.package, tuple(best), tuple(answers[id(each)] for each in best)
    )
    if not best:
        return kept, []
    texts = [text_to_embed(each.source) for each in best]
    compared = collection.embedder.compare(example.question.text, texts, "")
    return kept, answer_features(example.question.text, best, texts, compared.matches)
