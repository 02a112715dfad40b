"""Labels and ratings of a tenant as the training data of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Protocol

from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.contracts.improvement import ImprovementPlan
from chalicelib.contracts.label_results import ExportedLabel
from chalicelib.contracts.quality_limits import QualityLimits
from chalicelib.errors import NotFound
from chalicelib.labelling.preferences import (
    PAIR_FILES,
    PairCollection,
    collect_pairs,
    pair_files,
)
from chalicelib.labelling.quality_gate import QualityReport, check_quality
from chalicelib.labelling.tasks import LabellingTasks

MAX_RATINGS = 5_000
"""The newest ratings that are learned from: each is an object that is read."""
PAGE = 500
QUALITY = "quality.json"


class DataObjects(Protocol):
    """Objects of the stage's bucket."""

    def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield key and size of the objects under `prefix`, in order of their keys."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def write(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object."""


@dataclass(frozen=True, slots=True)
class GatheredPairs:
    """Pairs, what the quality gate says of them, and how many older ratings were left out."""

    collection: PairCollection
    report: QualityReport
    ratings_left_out: int

    @property
    def refusals(self) -> tuple[str, ...]:
        """Return why nothing is trained on the pairs; none if they pass."""
        missing = {"train", "test"} - {each.part for each in self.collection.pairs}
        told = [
            f"no pair is of the {part} part, which has one prompt in five"
            if part == "test"
            else "no pair is of the train part"
            for part in sorted(missing)
        ]
        return (*self.report.refusals, *told)


@dataclass(frozen=True, slots=True)
class PairSource:
    """Where labels and ratings are read, and training data is written."""

    tasks: LabellingTasks
    objects: DataObjects

    def gather(self, plan: ImprovementPlan) -> GatheredPairs:
        """Return the pairs of a plan's tasks and ratings, and the verdict on them.

        Raises:
            NotFound: a task is gone.
        """
        labels = [row for task_id in plan.tasks for row in self._labels(plan.tenant, task_id)]
        ratings, left_out = self._ratings(plan) if plan.ratings else ([], 0)
        collection = collect_pairs(labels, ratings)
        progress = [self.tasks.progress(plan.tenant, task_id) for task_id in plan.tasks]
        limits = QualityLimits(
            min_pairs=plan.min_pairs,
            max_contradictory=plan.max_contradictory,
            min_alpha=plan.min_alpha,
            min_gold_accuracy=plan.min_gold_accuracy,
        )
        return GatheredPairs(collection, check_quality(collection, progress, limits), left_out)

    def write(self, plan: ImprovementPlan, found: GatheredPairs, prefix: str) -> None:
        """Write the pairs with their sources under `prefix`, and what else the recipes read.

        May be repeated.
        """
        for key, _ in self.objects.listed(plan.bucket, plan.channel):
            name = key.rpartition("/")[2]
            if name not in PAIR_FILES.values():
                body = self.objects.read(plan.bucket, key)
                self.objects.write(plan.bucket, prefix + name, body)
        files = pair_files(found.collection.pairs)
        for name, rows in {**files, QUALITY: [asdict(found.report)]}.items():
            lines = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in rows)
            self.objects.write(plan.bucket, prefix + name, lines.encode())

    def _labels(self, tenant: str, task_id: str) -> Iterator[ExportedLabel]:
        after = ""
        while True:
            page, after = self.tasks.export(tenant, task_id, "preference", after, PAGE)
            yield from page.items
            if not after:
                return

    def _ratings(self, plan: ImprovementPlan) -> tuple[list[FeedbackRow], int]:
        """Return the newest ratings, oldest first, and how many were left out."""
        prefix = f"feedback/{plan.tenant}/"
        keys = [key for key, _ in self.objects.listed(plan.bucket, prefix)]
        rows = []
        for key in keys[-MAX_RATINGS:]:
            with suppress(NotFound):  # it was removed with its document meanwhile
                body = self.objects.read(plan.bucket, key)
                rows.append(FeedbackRow.model_validate_json(body))
        return rows, max(0, len(keys) - MAX_RATINGS)
