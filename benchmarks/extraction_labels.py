"""Labels learned from reviews: other documents of the same sender, read before and after.

Documents of one sender in one design are asked by one schema. The first ones are reviewed, the last
ones judge, and are in no review. Designs, half of the wordings, keys and locales are held out, and
nothing was set on them.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.extraction_figures import calibration_error, f1, share
from benchmarks.extraction_judging import JudgedDocument, JudgedLeaf, judge
from benchmarks.extraction_ours import OwnExtractor
from benchmarks.extraction_peers import told_labels
from benchmarks.extraction_reading import read_file
from benchmarks.extraction_real.one_issuer import issuer_outcomes
from benchmarks.extraction_reviews import reviewed_values, with_errors
from benchmarks.reporting import Result, spread
from chalicelib.contracts.calibrations import LearnedLabel
from chalicelib.contracts.extractions import Extraction
from chalicelib.extraction.calibration_fit import ReviewedField, fit_calibration
from chalicelib.extraction.document import SourceDocument
from chalicelib.extraction.label_judgement import (
    field_counts,
    held_out_labels,
    label_refusal,
    other_labels,
)
from chalicelib.extraction.label_sightings import (
    DocumentSightings,
    ReviewedValue,
    is_same_value,
    label_sightings,
)
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.learned_labels import learn_labels, new_labels, with_labels
from chalicelib.extraction.recalibration import field_group, recalibrated
from chalicelib.extraction.schema import ExtractionSchema, extraction_schema
from models.datasets.business_documents.designs import DESIGNS, DocumentDesign, Split
from models.datasets.business_documents.documents import series
from models.datasets.business_documents.generated_document import GeneratedDocument

SEED = 145
SPLIT: Split = "test"
REVIEWED = (1, 2, 3, 5, 10, 20)
JUDGES = 6
ROWS = 3
LEAST = (1, 2)
"""Documents that a label has to be seen in, in the ways that are not taken."""
FEW = 5
"""Reviewed documents up to which these ways differ."""
WRONG = 0.1
"""Share of the fields outside of lists that a careless reviewer gets wrong."""
NOTES = (
    "Intervals are 95 %, by draws of designs, each with one sender.",
    "Judged are documents of the same sender that nobody reviewed.",
    "Refused labels change nothing: such a design counts as it is without labels.",
)


@dataclass(slots=True)
class Sender:
    """Documents of one sender, how they are asked and reviewed, and readings by the labels used."""

    documents: Sequence[GeneratedDocument]
    read: Sequence[SourceDocument]
    schema: ExtractionSchema
    extractor: OwnExtractor
    comparison: LabelComparison
    readings: dict[tuple[int, tuple[str, ...]], Extraction] = field(default_factory=dict)

    def reading(self, at: int, labels: Sequence[LearnedLabel]) -> Extraction:
        """Return what is read from a document with labels, each combination once."""
        key = at, tuple(f"{each.field}={each.label}" for each in new_labels(self.schema, labels))
        if key not in self.readings:
            schema = with_labels(self.schema, labels)
            found = self.extractor.extractor.read(schema, self.read[at], self.comparison)
            self.readings[key] = found.extraction()
        return self.readings[key]

    def judged(self, readings: Mapping[int, Extraction]) -> JudgedDocument:
        """Return the leaves outside of lists of all documents that judge, as of one."""
        leaves: list[JudgedLeaf] = []
        for at, found in readings.items():
            of = self.documents[at]
            leaves += judge(found, of.truth, of.lists, self.read[at]).leaves
        return JudgedDocument(tuple(leaf for leaf in leaves if not leaf.in_list), ())

    @property
    def judges(self) -> range:
        """Return the numbers of the documents that judge."""
        return range(REVIEWED[-1], len(self.documents))


@dataclass(frozen=True, slots=True)
class Learning:
    """Labels that some reviews taught, why they are refused, and the maps after them."""

    labels: tuple[LearnedLabel, ...]
    refusal: str
    rows: tuple[ReviewedField, ...]


Outcomes = Mapping[str, tuple[JudgedDocument, bool | None]]
"""For each way the judged documents of a sender together, and whether what was learned is used."""


def measure(repetitions: int = 1) -> Result:
    """Review documents of `repetitions` senders a design, and read others of the sender."""
    extractor = OwnExtractor.open()
    senders = []
    for repetition in range(repetitions):
        for design in (each for each in DESIGNS if each.split == SPLIT):
            print(f"{design.kind} {design.name}", file=sys.stderr, flush=True)
            senders.append(sender_outcomes(design, SPLIT, repetition, extractor))
    return summary(senders, issuer_outcomes(extractor), repetitions, extractor.version)


def sender_outcomes(
    design: DocumentDesign, split: Split, repetition: int, extractor: OwnExtractor
) -> Outcomes:
    """Return what comes of reviews of one sender's documents."""
    name = f"labels/{SEED}/{design.name}/{repetition}"
    return _outcomes(_sender(design, split, name, extractor), design.name)


def summary(
    senders: Sequence[Outcomes],
    real: Mapping[str, Sequence[JudgedDocument]],
    repetitions: int,
    version: str,
) -> Result:
    """Return the figures of all senders together, and of the real files of one issuer."""
    facts: dict[str, Any] = {"extractor": version}
    for name in senders[0]:
        facts[name] = label_figures([each[name][0] for each in senders])
        taken = [each[name][1] for each in senders]
        if None not in taken:
            facts[name]["taken"] = f"{taken.count(True)} of {len(taken)}"
    for name, judged in real.items():
        facts[f"{len(judged)} real invoices of one issuer, {name}"] = label_figures(judged)
    gains = [
        f1([each["2 reviewed"][0]], _every)["value"] - f1([each["before"][0]], _every)["value"]
        for each in senders
    ]
    measured = {"gain in F1 of a design by 2 reviews": spread(gains, "")}
    return Result("extraction_labels", repetitions, measured, facts=facts, notes=NOTES)


def label_figures(judged: Sequence[JudgedDocument]) -> dict[str, Any]:
    """Return the figures of designs, each with all its documents as one."""
    leaves = [leaf for each in judged for leaf in each.leaves if leaf.confidence is not None]
    scores = np.array([leaf.confidence for leaf in leaves])
    right = np.array([leaf.right for leaf in leaves])
    return {
        "value F1": f1(judged, _every),
        "blanks given a value": share(
            judged,
            lambda each: (
                sum(leaf.invented for leaf in each.leaves),
                sum(leaf.blank for leaf in each.leaves),
            ),
        ),
        "given values that are right": share(
            judged,
            lambda each: (
                sum(leaf.found and leaf.right for leaf in each.leaves),
                sum(leaf.found for leaf in each.leaves),
            ),
        ),
        "ECE": round(calibration_error(scores, right), 4),
    }


def _every(_: JudgedLeaf) -> bool:
    return True


def _sender(design: DocumentDesign, split: Split, name: str, extractor: OwnExtractor) -> Sender:
    documents = list(series(design, split, name, REVIEWED[-1] + JUDGES, ROWS))
    return Sender(
        documents,
        [read_file("document.pdf", each.pdf).document for each in documents],
        extraction_schema(dict(documents[0].schema)),
        extractor,
        extractor.extractor.comparison(),
    )


def _outcomes(sender: Sender, seed: str) -> Outcomes:
    plain = {at: sender.reading(at, ()) for at in sender.judges}
    told = extraction_schema(told_labels(sender.documents[0]))
    extractor = sender.extractor.extractor
    by_told = {
        at: extractor.read(told, sender.read[at], sender.comparison).extraction()
        for at in sender.judges
    }
    found: dict[str, tuple[JudgedDocument, bool | None]] = {
        "before": (sender.judged(plain), None),
        "told the labels of one document": (sender.judged(by_told), None),
    }
    rng = random.Random(seed)  # noqa: S311 - errors are to be the same each time
    reviews: dict[str, list[list[ReviewedValue]]] = {"": [], ", a tenth wrong": []}
    for at in range(REVIEWED[-1]):
        right = reviewed_values(sender.documents[at], sender.read[at])
        reviews[""].append(right)
        wrong = with_errors(right, sender.read[at], sender.schema, rng, WRONG)
        reviews[", a tenth wrong"].append(wrong)
    mixed = [
        with_errors(each, sender.read[at], sender.schema, rng, 1.0)
        for at, each in enumerate(reviews[""][:FEW])
    ]
    for how, its in reviews.items():
        sightings = _sightings(sender, its)
        for count in REVIEWED:
            for documents in LEAST if count <= FEW else ():
                labels = learn_labels(sightings[:count], documents, near=-1.0)
                judged = {at: sender.reading(at, labels) for at in sender.judges}
                name = f"{count} reviewed{how}, labels of {documents} documents or more"
                found[name] = sender.judged(judged), None
            if count > 1:
                learned = learning(sender, its[:count], sightings[:count])
                judged = _read_by(sender, learned)
                found[f"{count} reviewed{how}"] = sender.judged(judged), not learned.refusal
        maps = fit_calibration(learned.rows)
        judged = {at: recalibrated(each, maps.maps) for at, each in judged.items()}
        name = f"{REVIEWED[-1]} reviewed{how}, confidences mapped"
        found[name] = sender.judged(judged), not maps.refusal
    learned = learning(sender, mixed, _sightings(sender, mixed))
    name = f"{FEW} reviewed, all wrong"
    found[name] = sender.judged(_read_by(sender, learned)), not learned.refusal
    return found


def _read_by(sender: Sender, learned: Learning) -> dict[int, Extraction]:
    """Return the documents that judge as they are read after what was learned, if it is used."""
    used = () if learned.refusal else learned.labels
    return {at: sender.reading(at, used) for at in sender.judges}


def _sightings(
    sender: Sender, reviews: Sequence[Sequence[ReviewedValue]]
) -> list[DocumentSightings]:
    return [
        label_sightings(f"{at}", sender.read[at], sender.schema, each)
        for at, each in enumerate(reviews)
    ]


def learning(
    sender: Sender,
    reviews: Sequence[Sequence[ReviewedValue]],
    sightings: Sequence[DocumentSightings],
) -> Learning:
    """Return what reviews teach, judged as the function does it, however long that takes."""
    labels = tuple(new_labels(sender.schema, learn_labels(sightings)))
    if not labels:
        return Learning((), "no labels", ())
    counts, rows = [], []
    for document_id, others in other_labels(sightings).items():
        at = int(document_id)
        doubtful = sightings[at].doubtful
        right = {each.pointer: each.value for each in reviews[at] if each.pointer not in doubtful}
        before, after = sender.reading(at, ()).fields, sender.reading(at, others).fields
        counts.append(
            (field_counts(right, before, sender.schema), field_counts(right, after, sender.schema))
        )
        rows += [
            ReviewedField(
                document_id,
                field_group(each),
                each.confidence,
                is_same_value(each.value, right[each.pointer]),
            )
            for each in after
            if each.pointer in right
        ]
    return Learning(labels, label_refusal(held_out_labels(counts)), tuple(rows))
