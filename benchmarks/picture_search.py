"""How well trained CLIPs find uploaded pictures: emoji by their names, drawn shapes by theirs.

Pictures that were held out of training are uploaded into a collection that names the model, and are
searched for through `POST /v1/search` and the index, by texts and by pictures. The recipe's own
numbers, of the same pictures by bare arrays, stand beside what was found; so does what a collection
without a model finds, by what EfficientNet sees.
"""

from __future__ import annotations

import base64
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import trained
from benchmarks.judged.scoring import LEVEL, RESAMPLES, SEED
from benchmarks.reporting import Result, spread
from benchmarks.running_cloud import Caller, running_cloud
from chalicelib.inference.png import encoded
from models.common import captions
from models.common.captions import Captioned
from models.datasets import emoji, shapes
from tests.e2e.serving import serve
from tests.trained_models import files

FIRST = 10
ONLY_PICTURES = {"media_type": "image/*"}
PATIENCE_S = 1800.0
_MOST_QUERIES = 400


@dataclass(frozen=True, slots=True)
class Subject:
    """A recipe, the model that its version answers as, and its data."""

    recipe: str
    model: str
    prepare: Callable[[Path], Path]

    @property
    def collection(self) -> str:
        """Return the collection that its pictures go into."""
        return self.recipe.replace("_", "-")


SUBJECTS = (
    Subject("clip_emoji", "emoji-clip", emoji.prepare),
    Subject("clip", "shapes-clip", shapes.prepare),
)


def measure(repetitions: int, folder: Path) -> Result:
    """Upload what was held out of each recipe's data and search for it, `repetitions` times."""
    models = trained.found(folder, [subject.recipe for subject in SUBJECTS])
    milliseconds: dict[str, list[float]] = {subject.recipe: [] for subject in SUBJECTS}
    facts: dict[str, Any] = {}
    with running_cloud() as caller, tempfile.TemporaryDirectory(prefix="headrace-bench-") as made:
        for subject in SUBJECTS:
            data = captions.read(subject.prepare(Path(made) / subject.recipe).parent)
            served(caller, subject, models[subject.recipe], Path(made))
            searched = Searched(caller, subject, data, milliseconds[subject.recipe])
            for _ in range(repetitions):
                found = searched.emoji() if subject.recipe == "clip_emoji" else searched.shapes()
            told = json.loads((models[subject.recipe] / "evaluation.json").read_text())
            facts[subject.recipe] = found | {"the recipe's own": told}
    return Result(
        name="picture_search",
        repetitions=repetitions,
        measured={f"{name}, one search": spread(took, "ms") for name, took in milliseconds.items()},
        facts=facts,
        notes=(
            "Pictures were held out of training, and lie in the index of the local cloud alone.",
            f"Intervals: bootstrap of queries, {RESAMPLES} resamples, {LEVEL:.0%}.",
            "By labels: the same pictures as a collection without a model has them searched.",
        ),
    )


def served(caller: Caller, subject: Subject, model: Path, folder: Path) -> None:
    """Have the stage answer by a trained model, and a collection name it."""
    group = f"headrace-local-{subject.collection}"
    serve(caller.cloud, folder, subject.model, group, files(model))
    declared = caller.api.put(
        f"/v1/collections/{subject.collection}", json={"picture_model": subject.model}
    )
    declared.raise_for_status()


@dataclass
class Searched:
    """The held-out pictures of a subject, uploaded, and what searches for them find."""

    caller: Caller
    subject: Subject
    data: Captioned
    milliseconds: list[float]
    _pictures: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Upload the pictures under paths that tell their rows alone, and wait for all."""
        self._pictures = [encoded(each) for each in self.data.images.test.images]
        ids = []
        for row, content in enumerate(self._pictures):
            announced = self.caller.announce(_path(row), content, self.subject.collection)
            self.caller.post(announced, content)
            ids.append(announced["document_id"])
        for each in ids:
            self.caller.settled(each, PATIENCE_S)

    def emoji(self) -> dict[str, Any]:
        """Return shares of pictures that are found by their name, and of neighbours alike."""
        names = [said[0] for said in self.data.captions["test"]]
        by_name = [self._rows({"query": name}) for name in names]
        by_label = [self._rows({"query": name}, by_label=True) for name in names]
        rows = range(len(names))
        return {
            "pictures": len(names),
            "recall_10 by text": interval([float(row in by_name[row]) for row in rows]),
            "recall_1 by text": interval([float(by_name[row][:1] == [row]) for row in rows]),
            "recall_10 by text, by labels": interval([float(row in by_label[row]) for row in rows]),
            **self._by_pictures(list(rows)),
        }

    def shapes(self) -> dict[str, Any]:
        """Return shares of what classes find that is of the class, and of neighbours alike."""
        labels = self.data.images.test.labels
        known = set(self.data.images.train.labels.tolist())
        found: dict[int, float] = {}
        by_label: dict[int, float] = {}
        for label in sorted(set(labels.tolist())):
            query = {"query": shapes.CAPTIONS[-1].format(**_words(label))}
            found[label] = self._share(label, self._rows(query))
            by_label[label] = self._share(label, self._rows(query, by_label=True))
        unseen = [share for label, share in found.items() if label not in known]
        chosen = sorted(random.Random(SEED).sample(range(len(labels)), _MOST_QUERIES))  # noqa: S311
        return {
            "pictures": len(labels),
            "classes": len(found),
            "of ten by text, right": interval(list(found.values())),
            "of ten by text, right, unseen classes": interval(unseen),
            "of ten by text, right, by labels": interval(list(by_label.values())),
            **self._by_pictures(chosen),
        }

    def _by_pictures(self, rows: Sequence[int]) -> dict[str, Any]:
        """Return of the ten nearest others of pictures the share that is of their class, and how
        many are found by their mirror image.
        """
        labels, images = self.data.images.test.labels, self.data.images.test.images
        near, mirrored = [], []
        for row in rows:
            others = [each for each in self._image(self._pictures[row], FIRST + 1) if each != row]
            near.append(self._share(int(labels[row]), others[:FIRST]))
            mirrored.append(float(row in self._image(encoded(images[row][:, ::-1]), FIRST)))
        return {
            "queries by picture": len(rows),
            "alike, of ten nearest others": interval(near),
            "recall_10 by mirror image": interval(mirrored),
        }

    def _share(self, label: int, rows: Sequence[int]) -> float:
        labels = self.data.images.test.labels
        return sum(int(labels[row]) == label for row in rows) / FIRST

    def _image(self, content: bytes, count: int) -> list[int]:
        data = base64.b64encode(content).decode()
        return self._rows({"image": {"media_type": "image/png", "data": data}}, count)

    def _rows(
        self, query: Mapping[str, Any], count: int = FIRST, *, by_label: bool = False
    ) -> list[int]:
        """Return the rows of the pictures that are found, the nearest first."""
        name = self.subject.collection
        body: dict[str, Any] = {
            **query,
            "top_k": count,
            "collection": name,
            "filter": ONLY_PICTURES,
        }
        if by_label:  # where a query may find what lies in two collections, no model is asked
            either = [{"collection": name}, {"collection": "nothing-lies-here"}]
            body |= {"collection": None, "filter": {**ONLY_PICTURES, "any": either}}
        began = time.perf_counter()
        answer = self.caller.api.post("/v1/search", json=body)
        answer.raise_for_status()
        if not by_label:
            self.milliseconds.append(1000 * (time.perf_counter() - began))
        found = answer.json()
        if found["notices"] or len(found["hits"]) != count:
            raise RuntimeError(f"{len(found['hits'])} pictures, {found['notices']}")
        return [int(hit["path"].partition(".")[0]) for hit in found["hits"]]


def interval(values: Sequence[float]) -> dict[str, Any]:
    """Return the mean of a value a query, and its interval by the percentile bootstrap.

    Queries are drawn with replacement, always the same (B. Efron, 1979). Raises ValueError for
    no queries.
    """
    if not values:
        raise ValueError("No query has no mean.")
    each = np.asarray(values, np.float64)
    low, high = np.quantile(np.fromiter(_means(each), np.float64), _OUTSIDE)
    return {
        "value": round(float(each.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
    }


_OUTSIDE = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def _means(values: np.ndarray) -> Iterator[float]:
    chance = np.random.default_rng(SEED)
    for _ in range(RESAMPLES):
        yield float(values[chance.integers(0, len(values), len(values))].mean())


def _path(row: int) -> str:
    return f"{row:05d}.png"


def _words(label: int) -> Mapping[str, str]:
    """Return the colour and the shape that a label stands for."""
    colour, shape = shapes.NAMES[label].split()
    return {"colour": colour, "shape": shape}
