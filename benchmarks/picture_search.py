"""Picture search by trained CLIPs: emoji by their names, drawn shapes by theirs.

Pictures held out of training are uploaded into a collection that names the model, and are searched
for through `POST /v1/search` and the index, by texts and by pictures. The results are compared with
the same questions to plain arrays of the model's vectors, and with a collection without a model,
which searches by EfficientNet's labels.
"""

from __future__ import annotations

import base64
import json
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks import trained
from benchmarks.judged.scoring import LEVEL, RESAMPLES, SEED
from benchmarks.reporting import Result, spread
from benchmarks.running_cloud import Caller, running_cloud
from chalicelib.inference.clip import ClipModel, open_model
from chalicelib.inference.pixels import encode_png
from models.data import captions
from models.data.captions import CaptionedImages
from models.datasets import emoji, shapes
from tests.e2e.serving import serve
from tests.exported_models import read
from tests.trained_models import files

FIRST = 10
MOST_PICTURES = 800
"""Of those held out: all emoji, and of the shapes 600 of pairs never trained on and 200 others."""
MOST_QUERIES = 200
"""Pictures that are searched by."""
PATIENCE_S = 3600.0
_ONLY_PICTURES = {"media_type": "image/*"}
_OUTSIDE = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)

Rows = Sequence[int]
Numbers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """A recipe, the served model's name, and its data."""

    recipe: str
    model: str
    prepare: Callable[[Path], Path]

    @property
    def collection(self) -> str:
        """Return the collection of its pictures."""
        return self.recipe.replace("_", "-")


SUBJECTS = (
    Subject("clip_emoji", "emoji-clip", emoji.prepare),
    Subject("clip", "shapes-clip", shapes.prepare),
)


class Finds(Protocol):
    """A picture search whose results are rows, nearest first."""

    def by_text(self, text: str, count: int) -> Rows:
        """Return the nearest pictures to a text."""

    def by_picture(self, content: bytes, count: int) -> Rows:
        """Return the nearest pictures to a picture."""


@dataclass(frozen=True, slots=True)
class Held:
    """Held-out pictures with their captions, and the labels seen in training."""

    data: CaptionedImages

    @property
    def count(self) -> int:
        """Return the number of pictures."""
        return min(MOST_PICTURES, len(self.data.images.test.labels))

    @property
    def labels(self) -> list[int]:
        """Return the label of each picture."""
        return [int(label) for label in self.data.images.test.labels[: self.count]]

    @property
    def known(self) -> set[int]:
        """Return the labels of the training pictures."""
        return set(self.data.images.train.labels.tolist())

    def picture(self, row: int, *, mirrored: bool = False) -> bytes:
        """Return a picture, or its mirror image."""
        image = self.data.images.test.images[row]
        return encode_png(image[:, ::-1] if mirrored else image)


def measure(repetitions: int, folder: Path) -> Result:
    """Upload the held-out pictures of each recipe and search for them, `repetitions` times."""
    models = trained.found(folder, [subject.recipe for subject in SUBJECTS])
    with (
        running_cloud() as caller,
        tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch,
    ):
        helds = {each.recipe: held_out(each, Path(scratch)) for each in SUBJECTS}
        for subject in SUBJECTS:
            served(caller, subject, models[subject.recipe], Path(scratch))
            upload(caller, subject, helds[subject.recipe])
        return searched(caller, models, helds, repetitions)


def held_out(subject: Subject, folder: Path) -> Held:
    """Return the held-out pictures of a recipe, prepared below `folder`."""
    return Held(captions.read(subject.prepare(folder / subject.recipe).parent))


def served(caller: Caller, subject: Subject, model: Path, folder: Path) -> None:
    """Let the stage serve a trained model, and declare it for a collection."""
    group = f"headrace-local-{subject.collection}"
    serve(caller.cloud, folder, subject.model, group, files(model))
    declared = caller.api.put(
        f"/v1/collections/{subject.collection}", json={"picture_model": subject.model}
    )
    declared.raise_for_status()


def upload(caller: Caller, subject: Subject, held: Held) -> None:
    """Upload pictures under paths with only their rows, and wait until all are ready."""
    ids = []
    for row in range(held.count):
        content = held.picture(row)
        announced = caller.announce(f"{row:05d}.png", content, subject.collection)
        caller.post(announced, content)
        ids.append(announced["document_id"])
    for each in ids:
        caller.settled(each, PATIENCE_S)


def searched(
    caller: Caller, models: Mapping[str, Path], helds: Mapping[str, Held], repetitions: int
) -> Result:
    """Return the results of searches of uploaded pictures, of arrays, and of labels."""
    milliseconds: dict[str, list[float]] = {}
    facts: Numbers = {}
    for subject in SUBJECTS:
        held, numbers = helds[subject.recipe], NUMBERS[subject.recipe]
        took = milliseconds.setdefault(f"{subject.recipe}, one search", [])
        for _ in range(repetitions):
            index = numbers(Searches(caller.api, subject.collection, took), held)
        labels = numbers(Searches(caller.api, subject.collection, [], by_label=True), held)
        arrays = numbers(Arrays.of(open_model(read(files(models[subject.recipe]))), held), held)
        facts[subject.recipe] = {
            "pictures": held.count,
            "through the index": index,
            "bare arrays": arrays,
            "by labels": labels,
            "the recipe's own": json.loads(
                (models[subject.recipe] / "evaluation.json").read_text()
            ),
        }
    return Result(
        name="picture_search",
        repetitions=repetitions,
        measured={name: spread(took, "ms") for name, took in milliseconds.items()},
        facts=facts,
        notes=(
            "Pictures were held out of training; the recipe's own numbers are of all of them.",
            f"Intervals: bootstrap of queries, {RESAMPLES} resamples, {LEVEL:.0%}.",
            "By labels: the same pictures as a collection without a model has them searched.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches through the API, and the `milliseconds` of each."""

    api: Any
    collection: str
    milliseconds: list[float]
    by_label: bool = False

    def by_text(self, text: str, count: int) -> Rows:
        return self._rows({"query": text}, count)

    def by_picture(self, content: bytes, count: int) -> Rows:
        data = base64.b64encode(content).decode()
        return self._rows({"image": {"media_type": "image/png", "data": data}}, count)

    def _rows(self, query: Numbers, count: int) -> Rows:
        body = {**query, "top_k": count, "collection": self.collection, "filter": _ONLY_PICTURES}
        if self.by_label:  # searches over two collections use no model
            either = [{"collection": self.collection}, {"collection": "nothing-lies-here"}]
            body |= {"collection": None, "filter": {**_ONLY_PICTURES, "any": either}}
        began = time.perf_counter()
        answer = self.api.post("/v1/search", json=body)
        answer.raise_for_status()
        self.milliseconds.append(1000 * (time.perf_counter() - began))
        found = answer.json()
        if found["notices"] or len(found["hits"]) != count:
            raise RuntimeError(f"{len(found['hits'])} pictures, {found['notices']}")
        return [int(hit["path"].partition(".")[0]) for hit in found["hits"]]


@dataclass(frozen=True, slots=True)
class Arrays:
    """The same vectors in memory, [pictures, dimensions]."""

    towers: ClipModel
    vectors: np.ndarray

    @classmethod
    def of(cls, towers: ClipModel, held: Held) -> Arrays:
        """Embed all pictures."""
        rows = range(held.count)
        vectors = np.stack([towers.embed_image(held.picture(row), "picture") for row in rows])
        return cls(towers, vectors)

    def by_text(self, text: str, count: int) -> Rows:
        vector, _ = self.towers.embed_text(text, "text")
        return self._nearest(vector, count)

    def by_picture(self, content: bytes, count: int) -> Rows:
        return self._nearest(self.towers.embed_image(content, "picture"), count)

    def _nearest(self, vector: np.ndarray, count: int) -> Rows:
        order = np.argsort(-(self.vectors @ vector), kind="stable")[:count]
        return [int(row) for row in order]


def of_emoji(finds: Finds, held: Held) -> Numbers:
    """Return shares of emoji found by their first name, and of neighbours of the same class."""
    names = [names_of_emoji[0] for names_of_emoji in held.data.captions["test"]][: held.count]
    results = [finds.by_text(name, FIRST) for name in names]
    return {
        "recall_10 by text": interval([float(row in rows) for row, rows in enumerate(results)]),
        "recall_1 by text": interval([float(row == rows[0]) for row, rows in enumerate(results)]),
        **_by_pictures(finds, held),
    }


def of_shapes(finds: Finds, held: Held) -> Numbers:
    """Return shares of class results that are of the class, and of neighbours of the class."""
    labels = held.labels
    shares = {
        label: _share(label, finds.by_text(_query(label), FIRST), labels)
        for label in sorted(set(labels))
    }
    unseen = [share for label, share in shares.items() if label not in held.known]
    return {
        "of ten by text, right": interval(list(shares.values())),
        "of ten by text, right, unseen classes": interval(unseen),
        **_by_pictures(finds, held),
    }


NUMBERS: Mapping[str, Callable[[Finds, Held], Numbers]] = {
    "clip_emoji": of_emoji,
    "clip": of_shapes,
}


def _by_pictures(finds: Finds, held: Held) -> Numbers:
    """Return shares of results of searches by picture.

    The first is the share of the ten nearest other pictures that have its class, the second that of
    pictures found by their mirror image.
    """
    labels = held.labels
    few = min(MOST_QUERIES, held.count)
    near, mirrored = [], []
    for row in sorted(random.Random(SEED).sample(range(held.count), few)):  # noqa: S311
        nearest = finds.by_picture(held.picture(row), FIRST + 1)
        others = [each for each in nearest if each != row][:FIRST]
        near.append(_share(labels[row], others, labels))
        mirror = held.picture(row, mirrored=True)
        mirrored.append(float(row in finds.by_picture(mirror, FIRST)))
    return {
        "alike, of ten nearest others": interval(near),
        "recall_10 by mirror image": interval(mirrored),
    }


def _share(label: int, rows: Rows, labels: Sequence[int]) -> float:
    return sum(labels[row] == label for row in rows) / FIRST


def _query(label: int) -> str:
    """Return the query for a class of shapes, such as `a red star`."""
    colour, shape = shapes.NAMES[label].split()
    return shapes.CAPTIONS[-1].format(colour=colour, shape=shape)


def interval(values: Sequence[float]) -> Numbers:
    """Return the mean of a value per query, and its interval by the percentile bootstrap.

    Queries are drawn with replacement, always the same (B. Efron, 1979).

    Raises:
        ValueError: there are no queries.
    """
    if not values:
        raise ValueError("No query has no mean.")
    each, chance = np.asarray(values, np.float64), np.random.default_rng(SEED)
    means = [each[chance.integers(0, len(each), len(each))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, _OUTSIDE)
    return {
        "value": round(float(each.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
    }
