"""An encoder tuned on a user's rows, beside transformers' Trainer and beside its base.

A classifier: texts of a dictionary of computing with the subjects that its editors gave them, in a
CSV that is prepared as a user's is. The recipe and the Trainer take the same rows, steps, rates and
threads, in turn, each in a process of its own. An embedder: pairs of the judged questions of one
half, of documents that no question of the other half finds; both halves are of the same collection.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import paired, trained
from benchmarks.judged.scoring import LEVEL, RESAMPLES, SEED
from benchmarks.reporting import Result, spread
from models.datasets import foldoc, foldoc_topics
from models.judged_search import collection
from models.training_data.channel import DataPart, DataSource, write_channel
from models.training_data.preparation import DataRequest, prepare
from models.training_data.rows import TextPair

CHILD = "benchmarks.encoder_tuning_training"
BASE = Path("models/cache/bases/minilm-l6-v2")
SIDES = ("ours", "trainer")
ROWS, HELD_OUT = 1_400, 700
"""Rows of the user's CSV, and of the one to judge by."""

Runs = Mapping[str, Sequence[Mapping[str, Any]]]
"""The measurements of each side, by its name, in the order of seeds."""


def measure(repetitions: int) -> Result:
    """Train both sides and the embedder with `repetitions` seeds. Raises NotTrained."""
    base = str(trained.PROJECT / BASE)
    sides: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    embedders = []
    with tempfile.TemporaryDirectory() as scratch:
        rows, pairs = f"{scratch}/rows", f"{scratch}/pairs"
        counts, taken = write_rows(Path(rows)), write_pairs(Path(pairs))
        for seed in range(repetitions):
            for side in SIDES if seed % 2 else reversed(SIDES):
                into = f"{scratch}/{side}-{seed}"
                sides[side].append(_child(side, str(seed), rows, base, into))
            into = f"{scratch}/embedder-{seed}"
            embedders.append(_child("embedder", str(seed), pairs, base, into))
    return result(sides, embedders, {**counts, **taken}, repetitions)


def write_rows(into: Path) -> dict[str, Any]:
    """Write the user's two CSVs and prepare them as `headrace train --data --eval` does."""
    found = [each for each in foldoc.entries() if each.subject in foldoc_topics.SUBJECTS]
    files = into.with_suffix(".csv"), into.with_suffix(".eval.csv")
    for file, rows in zip(files, (found[HELD_OUT:][:ROWS], found[:HELD_OUT]), strict=True):
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["text", "label"])
            writer.writerows((each.text, each.subject) for each in rows)
    request = DataRequest(
        files[0],
        "labelled_text",
        evaluation=files[1],
        licence=foldoc.LICENCE,
        source=foldoc.SOURCE,
    )
    prepared = prepare(request, into)
    if prepared.manifest is None:
        raise RuntimeError(f"The data is wrong: {prepared.report}")
    return {"counts": dict(prepared.manifest.counts), "classes": dict(prepared.manifest.classes)}


def write_pairs(into: Path) -> dict[str, Any]:
    """Write pairs of the judged questions of one half, none of whose passages the other finds."""
    known = collection.frozen("foldoc")
    texts = {each.id: each.text for each in collection.documents("foldoc", known.documents)}
    judged = {
        document for each in known.questions if each.half == "test" for document in each.gains
    }
    rows = [
        TextPair(query=each.text, passage=texts[document])
        for each in known.questions
        if each.half == "tune"
        for document in sorted(each.gains)
        if document not in judged and texts[document].strip()
    ]
    held = len(rows) // 20
    parts: Mapping[DataPart, list[TextPair]] = {"train": rows[held:], "test": rows[:held]}
    write_channel(
        into, "text_pairs", parts, DataSource(source=foldoc.SOURCE, licence=foldoc.LICENCE)
    )
    return {"pairs": len(parts["train"])}


def _child(*arguments: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(trained.run(CHILD, *arguments).splitlines()[-1])
    return row


def result(
    sides: Runs,
    embedders: Sequence[Mapping[str, Any]],
    data: Mapping[str, Any],
    repetitions: int,
) -> Result:
    """Return F1, nDCG, seconds and memory of all, with intervals over held-out rows."""
    ours, theirs = (sides[side] for side in SIDES)
    return Result(
        name="encoder_tuning",
        repetitions=repetitions,
        measured={
            **{
                f"{side}, {name}": spread([each[name] for each in runs], unit)
                for side, runs in {**sides, "embedder": embedders}.items()
                for name, unit in (("cpu", "seconds of CPU"), ("peak", "MiB at most"))
            },
        },
        facts={
            "data": data,
            "macro F1 by seed": {
                side: [round(_f1(each), 4) for each in runs] for side, runs in sides.items()
            },
            "macro F1, ours less theirs": f1_gain(ours, theirs),
            "seconds of CPU, ours : theirs": paired.ratio(
                [each["cpu"] for each in ours], [each["cpu"] for each in theirs]
            ),
            "nDCG@10 by seed": {
                name: [round(float(np.mean(each[name])), 4) for each in embedders]
                for name in ("base", "tuned")
            },
            "nDCG@10, tuned less base": mean_gain(embedders),
        },
        notes=(
            "One thread a process; the Trainer has the recipe's rows, steps, rate and decay.",
            "The Trainer groups rows by length as well; it keeps no checkpoint, and the job does.",
            "Intervals are over held-out rows, the seeds of a row together.",
        ),
    )


def f1_gain(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> Any:
    """Return by how much macro F1 is above theirs, the mean over seeds, paired by row."""
    wanted = np.array(ours[0]["wanted"])
    told = [[np.array(each["told"]) for each in runs] for runs in (ours, theirs)]

    def gain(rows: NDArray[np.int64]) -> float:
        each = [np.mean([_macro_f1(wanted[rows], one[rows]) for one in runs]) for runs in told]
        return float(each[0] - each[1])

    drawing = np.random.default_rng(SEED)
    drawn = [gain(drawing.integers(0, len(wanted), len(wanted))) for _ in range(RESAMPLES // 10)]
    return _interval(gain(np.arange(len(wanted))), drawn)


def mean_gain(embedders: Sequence[Mapping[str, Any]]) -> Any:
    """Return by how much nDCG is above the base's, the mean over seeds, paired by question."""
    each = np.mean([np.subtract(one["tuned"], one["base"]) for one in embedders], axis=0)
    drawn = np.random.default_rng(SEED).integers(0, len(each), (RESAMPLES, len(each)))
    return _interval(float(each.mean()), each[drawn].mean(axis=1))


def _interval(value: float, drawn: Any) -> dict[str, Any]:
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, (outside, 1 - outside))
    return {"value": round(value, 4), "interval": [round(float(low), 4), round(float(high), 4)]}


def _f1(run: Mapping[str, Any]) -> float:
    return _macro_f1(np.array(run["wanted"]), np.array(run["told"]))


def _macro_f1(wanted: NDArray[np.int64], told: NDArray[np.int64]) -> float:
    found = []
    for label in np.union1d(wanted, told):
        hits = ((wanted == label) & (told == label)).sum()
        found.append(2 * hits / ((wanted == label).sum() + (told == label).sum()))
    return float(np.mean(found))
