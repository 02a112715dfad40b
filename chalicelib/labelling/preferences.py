"""Preference pairs of labels and of ratings, each with where it comes from. Pure.

A rating gives a pair where somebody wrote what the answer should have been, or where one answer to
a question was rated up and another one down. Sources that prefer opposite sides of the same two
texts contradict each other, and give no pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.contracts.label_results import DataPart, ExportedLabel, PreferenceRow
from chalicelib.labelling.exports import part_of

PAIR_FILES: Mapping[DataPart, str] = {
    "train": "pairs-train.jsonl",
    "test": "pairs-test.jsonl",
}
"""Files of pairs by part, as the recipes name them."""
PROVENANCE = "provenance.jsonl"
_RATED_A_SIDE = 10
"""The newest ratings up, and down, of a question: each of the one makes a pair with each other."""


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two texts for a prompt, and the ids of the labels and ratings that prefer `chosen`."""

    prompt: str
    chosen: str
    rejected: str
    sources: tuple[str, ...]

    @property
    def part(self) -> DataPart:
        """Return the part of the pair: all pairs of a prompt are of one part."""
        return part_of(self.prompt)

    @property
    def row(self) -> PreferenceRow:
        """Return the pair as it is trained on."""
        return PreferenceRow(prompt=self.prompt, chosen=self.chosen, rejected=self.rejected)


@dataclass(frozen=True, slots=True)
class PairCollection:
    """Pairs in the order of their sources, and the number of contradictions."""

    pairs: tuple[PreferencePair, ...]
    contradictory: int

    @property
    def contradictory_share(self) -> float:
        """Return the share of what was compared that sources contradict each other on."""
        compared = len(self.pairs) + self.contradictory
        return self.contradictory / compared if compared else 0.0


def collect_pairs(
    labels: Iterable[ExportedLabel], ratings: Iterable[FeedbackRow]
) -> PairCollection:
    """Return the pairs of exported labels and of ratings, equal ones as one pair."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for pair in (*_label_pairs(labels), *_rating_pairs(ratings)):
        key = (pair.prompt, pair.chosen, pair.rejected)
        found.setdefault(key, []).extend(pair.sources)
    pairs, contradictory = [], 0
    for (prompt, chosen, rejected), sources in found.items():
        if (prompt, rejected, chosen) in found:
            contradictory += chosen < rejected  # of both orders one is counted
        else:
            pairs.append(PreferencePair(prompt, chosen, rejected, tuple(dict.fromkeys(sources))))
    return PairCollection(tuple(pairs), contradictory)


def pair_files(pairs: Iterable[PreferencePair]) -> dict[str, list[dict[str, object]]]:
    """Return the rows of each file that recipes read, and of the one that names their sources."""
    files: dict[str, list[dict[str, object]]] = {name: [] for name in PAIR_FILES.values()}
    provenance: list[dict[str, object]] = []
    for each in pairs:
        name = PAIR_FILES[each.part]
        files[name].append(each.row.model_dump())
        told = {"file": name, "line": len(files[name]), "sources": list(each.sources)}
        provenance.append(told)
    return {**files, PROVENANCE: provenance}


def _label_pairs(labels: Iterable[ExportedLabel]) -> Iterator[PreferencePair]:
    for each in labels:
        if isinstance(each.row, PreferenceRow):
            told = each.provenance
            source = f"label:{told.task_id}/{told.item_id}"
            yield PreferencePair(each.row.prompt, each.row.chosen, each.row.rejected, (source,))


def _rating_pairs(ratings: Iterable[FeedbackRow]) -> Iterator[PreferencePair]:
    by_question: dict[str, list[FeedbackRow]] = {}
    for each in ratings:
        if each.asked.kind != "answer" or not each.asked.answer:
            continue
        by_question.setdefault(each.asked.asked_as, []).append(each)
        if each.correction and each.correction != each.asked.answer:
            sources = (f"rating:{each.feedback_id}",)
            yield PreferencePair(each.asked.asked_as, each.correction, each.asked.answer, sources)
    for question, rated in by_question.items():
        liked = [each for each in rated if each.rating == "up"][-_RATED_A_SIDE:]
        other = [each for each in rated if each.rating == "down"][-_RATED_A_SIDE:]
        for one in liked:
            for two in other:
                if one.asked.answer != two.asked.answer:
                    both = (f"rating:{one.feedback_id}", f"rating:{two.feedback_id}")
                    yield PreferencePair(question, one.asked.answer, two.asked.answer, both)
