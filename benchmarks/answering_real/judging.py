"""Judge answers to questions about real files by where the expected text stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.contracts.answers import AskResponse, Citation
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.search import Hit
from models.real_files.questions import RealFile, RealQuestion
from models.real_files.spans import answer_ranges, holds, overlaps


class Ending(StrEnum):
    """The result of a question that has an answer."""

    RIGHT = "answered rightly"
    BESIDE = "answered beside the point"
    NEAREST_WITH = "nearest passages with the answer"
    NEAREST_WITHOUT = "nearest passages without it"
    NOT_FOUND = "falsely not found"


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    """A question, the kind of its file, and what came of it.

    `ending` is None for a near miss, whose `outcome` counts. `rank` is the place among the passages
    that were found of the first one with the answer, None if it is not among them. `in_nearest`
    says whether a nearest passage has the answer, in place of claims or beside them.
    """

    question: RealQuestion
    kind: str
    outcome: str
    ending: Ending | None
    rank: int | None
    shown: str
    in_nearest: bool = False

    @property
    def is_seen(self) -> bool:
        """Return whether the answer is in what is shown, as a claim or in a nearest passage."""
        return self.ending is Ending.RIGHT or self.in_nearest


def judge_question(
    file: RealFile,
    question: RealQuestion,
    response: AskResponse,
    found: Sequence[Hit],
    pages: Mapping[str, Sequence[Page]],
) -> JudgedQuestion:
    """Return what became of a question about `file`; `pages` are those of all files, by name."""
    shown = " | ".join(
        [claim.text for claim in response.claims]
        or [passage.citation.quote for passage in response.nearest]
    )
    in_nearest = not question.is_near_miss and _in_nearest(
        file, question, response, pages[file.name]
    )
    ending = None
    if not question.is_near_miss:
        ending = _ending(file, question, response, pages[file.name], in_nearest=in_nearest)
    rank = answer_rank(file, question, found)
    return JudgedQuestion(question, file.kind, response.outcome, ending, rank, shown, in_nearest)


def answer_rank(file: RealFile, question: RealQuestion, found: Iterable[Hit]) -> int | None:
    """Return the place, from 1, of the first passage with the answer, or None."""
    for place, passage in enumerate(found, start=1):
        if passage.path == file.name and holds(passage.text, question.answers):
            return place
    return None


def _ending(
    file: RealFile,
    question: RealQuestion,
    response: AskResponse,
    pages: Sequence[Page],
    *,
    in_nearest: bool,
) -> Ending:
    if response.outcome == "answered":
        is_right = any(_has_answer([each], file, question, pages) for each in response.citations)
        return Ending.RIGHT if is_right else Ending.BESIDE
    if response.outcome == "nearest":
        return Ending.NEAREST_WITH if in_nearest else Ending.NEAREST_WITHOUT
    return Ending.NOT_FOUND


def _in_nearest(
    file: RealFile, question: RealQuestion, response: AskResponse, pages: Sequence[Page]
) -> bool:
    """Return whether one of the nearest passages, with the header of its rows, has the answer."""
    return any(
        _has_answer(
            [each.header, each.citation] if each.header else [each.citation], file, question, pages
        )
        for each in response.nearest
    )


def _has_answer(
    cited: Sequence[Citation], file: RealFile, question: RealQuestion, pages: Sequence[Page]
) -> bool:
    """Return whether citations of the right file hold the answer, or overlap half of it."""
    here = [citation for citation in cited if citation.path == file.name]
    if holds("\n".join(citation.quote for citation in here), question.answers):
        return True
    by_number = {page.page: page for page in pages}
    return any(
        overlaps(each.start, each.end, answer_ranges(by_number[each.page], question.answers))
        for each in here
    )
