"""An encoder tuned on a user's rows, beside transformers' Trainer and SetFit, and beside its base.

A classifier: texts of a dictionary of computing with the subjects that its editors gave them, in a
CSV that is prepared as a user's is. Each side takes the same rows, base and threads, in a process
of its own, with each of a few numbers of steps; the number is chosen by the CSV's rows for
validation, and the other CSV judges. An embedder: pairs of the judged questions of one
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
VALIDATION = "_validation"
"""The ending of what was told of rows for validation, in a run's measurements."""
BASE = Path("models/cache/bases/minilm-l6-v2")
STEPS: Mapping[str, Sequence[int]] = {
    "ours": (60, 120),
    "trainer": (120, 300),
    "setfit": (50, 120),
}
"""The steps to choose from, of 16 texts, or of SetFit's 16 pairs of texts."""
ROWS, HELD_OUT = 1_400, 700
"""Rows of the user's CSV, and of the one to judge by."""

Run = Mapping[str, Any]
Runs = Mapping[str, Sequence[Run]]
"""The measurements of each side, by its name, in the order of seeds."""


def measure(repetitions: int) -> Result:
    """Train all sides and the embedder with `repetitions` seeds. Raises NotTrained."""
    base = str(trained.PROJECT / BASE)
    tries: dict[str, dict[int, list[Run]]] = {
        side: {each: [] for each in steps} for side, steps in STEPS.items()
    }
    embedders = []
    with tempfile.TemporaryDirectory() as scratch:
        rows, pairs = f"{scratch}/rows", f"{scratch}/pairs"
        counts, taken = write_rows(Path(rows)), write_pairs(Path(pairs))
        for seed in range(repetitions):
            for side in list(STEPS) if seed % 2 else list(STEPS)[::-1]:
                for steps in STEPS[side]:
                    into = f"{scratch}/{side}-{steps}-{seed}"
                    tries[side][steps].append(_child(side, str(seed), str(steps), rows, base, into))
            into = f"{scratch}/embedder-{seed}"
            embedders.append(_child("embedder", str(seed), pairs, base, into))
    return result(tries, embedders, {**counts, **taken}, repetitions)


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


def chosen(tries: Mapping[int, Sequence[Run]]) -> int:
    """Return the number of steps of the best macro F1 on rows for validation, fewer if alike."""
    return max(
        sorted(tries), key=lambda steps: np.mean([_f1(run, VALIDATION) for run in tries[steps]])
    )


def result(
    tries: Mapping[str, Mapping[int, Sequence[Run]]],
    embedders: Sequence[Run],
    data: Mapping[str, Any],
    repetitions: int,
) -> Result:
    """Return F1, nDCG, seconds and memory of all, with intervals over held-out rows."""
    skipped = {
        side: run["skipped"]
        for side, runs in tries.items()
        for run in next(iter(runs.values()))
        if "skipped" in run
    }
    tried = {side: runs for side, runs in tries.items() if side not in skipped}
    steps = {side: chosen(runs) for side, runs in tried.items()}
    sides: Runs = {side: tried[side][count] for side, count in steps.items()}
    ours, theirs = sides["ours"], {side: sides[side] for side in sides if side != "ours"}
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
            "skipped": skipped,
            "steps, chosen by rows for validation": steps,
            "macro F1 by seed": {
                side: [round(_f1(each), 4) for each in runs] for side, runs in sides.items()
            },
            "macro F1 by steps": {
                side: {
                    str(count): {
                        "validation": _mean_f1(found, VALIDATION),
                        "test": _mean_f1(found),
                        "seconds of CPU": round(float(np.mean([each["cpu"] for each in found])), 1),
                    }
                    for count, found in runs.items()
                }
                for side, runs in tried.items()
            },
            **{f"macro F1, ours less {side}": f1_gain(ours, runs) for side, runs in theirs.items()},
            **{
                f"seconds of CPU, ours : {side}": paired.ratio(
                    [each["cpu"] for each in ours], [each["cpu"] for each in runs]
                )
                for side, runs in theirs.items()
            },
            "nDCG@10 by seed": {
                name: [round(float(np.mean(each[name])), 4) for each in embedders]
                for name in ("base", "tuned")
            },
            "nDCG@10, tuned less base": mean_gain(embedders),
        },
        notes=(
            "One thread a process; the Trainer has the recipe's rate and decay, SetFit its own.",
            "The Trainer groups rows by length as well; it keeps no checkpoint, and the job does.",
            "Intervals are over held-out rows, the seeds of a row together.",
        ),
    )


def f1_gain(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Run]) -> Any:
    """Return by how much macro F1 is above theirs, the mean over seeds, paired by row."""
    wanted = np.array(ours[0]["wanted"])
    told = [[np.array(each["told"]) for each in runs] for runs in (ours, theirs)]

    def gain(rows: NDArray[np.int64]) -> float:
        each = [np.mean([_macro_f1(wanted[rows], one[rows]) for one in runs]) for runs in told]
        return float(each[0] - each[1])

    drawing = np.random.default_rng(SEED)
    drawn = [gain(drawing.integers(0, len(wanted), len(wanted))) for _ in range(RESAMPLES // 10)]
    return _interval(gain(np.arange(len(wanted))), drawn)


def mean_gain(embedders: Sequence[Run]) -> Any:
    """Return by how much nDCG is above the base's, the mean over seeds, paired by question."""
    each = np.mean([np.subtract(one["tuned"], one["base"]) for one in embedders], axis=0)
    drawn = np.random.default_rng(SEED).integers(0, len(each), (RESAMPLES, len(each)))
    return _interval(float(each.mean()), each[drawn].mean(axis=1))


def _interval(value: float, drawn: Any) -> dict[str, Any]:
    outside = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, (outside, 1 - outside))
    return {"value": round(value, 4), "interval": [round(float(low), 4), round(float(high), 4)]}


def _mean_f1(runs: Sequence[Run], part: str = "") -> float:
    return round(float(np.mean([_f1(run, part) for run in runs])), 4)


def _f1(run: Run, part: str = "") -> float:
    return _macro_f1(np.array(run[f"wanted{part}"]), np.array(run[f"told{part}"]))


def _macro_f1(wanted: NDArray[np.int64], told: NDArray[np.int64]) -> float:
    found = []
    for label in np.union1d(wanted, told):
        hits = ((wanted == label) & (told == label)).sum()
        found.append(2 * hits / ((wanted == label).sum() + (told == label).sum()))
    return float(np.mean(found))
