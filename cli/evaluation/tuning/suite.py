"""The suite that compares a tuned model with others: held-out rows as cases, models as targets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.failures import UsageError
from cli.output import Json

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.suites import Suite
    from cli.evaluation.tuning.rows import ComparedRows
    from models.training.recipe import DataKind
    from models.training_data.rows import DataRow

METRICS: Mapping[str, tuple[str, ...]] = {
    "chat": ("f1", "exact_match", "fields", "json_valid", "win_rate"),
    "labelled_text": ("macro_f1", "mcc", "accuracy"),
    "preference": ("win_rate",),
}
"""The metrics of each kind of rows; the first that is measured decides, unless one is named."""
_CRITERIA = "It answers better: right, complete, and to the point."
_MAX_ANSWER_TOKENS = 2_000
_SPARE_TOKENS = 24
_CHARACTERS_PER_TOKEN = 2
"""Fewer than an answer has: an answer of the wanted length is never cut off."""


@dataclass(frozen=True, slots=True)
class ComparedTarget:
    """A model as one column of the comparison; `shots` are the examples that its calls show."""

    name: str
    model: str
    shots: int = 0
    classifies: bool = False


@dataclass(frozen=True, slots=True)
class ComparisonWish:
    """The models of a comparison, the tuned one and the others, and how answers are graded."""

    tuned: ComparedTarget
    others: tuple[ComparedTarget, ...]
    metric: str = ""
    judge: str = ""
    seed: int = 0


def uses_of(model: str, shots: int, *, title: str = "") -> tuple[ComparedTarget, ...]:
    """Return a model as it is, and with examples where there are some."""
    name = _target_name(title or model)
    plain = ComparedTarget(name, model)
    return (
        (plain, ComparedTarget(_target_name(f"{name} {shots}-shot"), model, shots))
        if shots
        else (plain,)
    )


def metrics_of(kind: DataKind, rows: Sequence[DataRow], judge: str) -> tuple[str, ...]:
    """Return the metrics that can be measured on some rows, the one that decides first."""
    found = list(METRICS[kind])
    objects = kind == "chat" and all(_is_object(_expected(row)) for row in rows)
    if not objects:
        found = [each for each in found if each not in ("fields", "json_valid")]
    if not judge:
        found = [each for each in found if each != "win_rate"]
    return tuple(found)


def comparison_suite(
    rows: ComparedRows, wish: ComparisonWish, examples: Sequence[DataRow]
) -> Suite:
    """Return the suite of a comparison.

    Raises:
        UsageError: it cannot be run; the message says why.
    """
    from chalicelib.errors import InvalidInput
    from chalicelib.evaluation.suites import read_suite, suite_json

    metrics = metrics_of(rows.kind, rows.held_out, wish.judge)
    if not metrics:
        raise UsageError(
            "Answers to rows of preferences are judged by a model: give --judge MODEL."
        )
    decides = wish.metric or metrics[0]
    if decides not in metrics:
        raise UsageError(f"--metric {decides}: measured here are {', '.join(metrics)}.")
    content: Json = {
        "name": "tuned",
        "description": f"{wish.tuned.model} against {len(wish.others)} others on held-out rows.",
        "seed": wish.seed,
        "targets": [_target(rows, use, examples) for use in (wish.tuned, *wish.others)],
        "compare_to": wish.tuned.name,
        "graders": _graders(metrics, decides, wish),
        "gate": {"min_score": 0},
        "cases": [
            {
                "id": f"row-{number}",
                "variables": {"conversation": _conversation(row)},
                "expected": _expected(row),
            }
            for number, row in enumerate(rows.held_out, 1)
        ],
    }
    try:
        suite = read_suite(content)
        suite_json(suite)
    except InvalidInput as error:
        raise UsageError(error.message) from error
    return suite


def single_turns(rows: Sequence[DataRow], most: int) -> tuple[DataRow, ...]:
    """Return the first rows of one question and its answer, which can be shown as examples."""
    found = [row for row in rows if len(row.input_texts()) == 1]
    return tuple(found[:most])


def labels_of(rows: ComparedRows) -> tuple[str, ...]:
    """Return the labels of the rows, in order."""
    every = (*rows.trained, *rows.held_out)
    return tuple(sorted({label for row in every if (label := row.class_label()) is not None}))


def _target(rows: ComparedRows, use: ComparedTarget, examples: Sequence[DataRow]) -> Json:
    target: Json = {
        "kind": "model",
        "name": use.name,
        "model": use.model,
        "input": "conversation",
        "temperature": 0,
        "fallback": False,
        "keep_truncated": True,
        "max_tokens": _max_tokens(rows.held_out),
    }
    if use.classifies:
        return {**target, "task": "classification"}
    if rows.kind == "labelled_text":
        target["system"] = (
            "Classify the text. Answer with one of these labels and with nothing else: "
            f"{'; '.join(labels_of(rows))}."
        )
    target["examples"] = [
        {"user": row.input_texts()[0], "assistant": _expected(row)} for row in examples[: use.shots]
    ]
    return target


def _graders(metrics: Sequence[str], decides: str, wish: ComparisonWish) -> list[Json]:
    rules: Mapping[str, Json] = {
        "f1": {"type": "rouge", "variant": "rouge1", "measure": "f1"},
        "exact_match": {"type": "exact"},
        "fields": {"type": "json_fields"},
        "json_valid": {"type": "json_schema", "json_schema": {"type": "object"}},
        "accuracy": {"type": "exact", "ignore_case": True},
        "win_rate": {
            "type": "pairwise",
            "against": wish.tuned.name,
            "model": wish.judge,
            "criteria": _CRITERIA,
        },
    }
    graded = [name for name in metrics if name in rules]
    first = decides if decides in rules else graded[0]
    return [{**rules[name], "name": name, "weight": float(name == first)} for name in graded]


def _conversation(row: DataRow) -> Any:
    given: Json = row.model_dump()
    if "messages" not in given:
        return given["text"]
    turns = [{"role": each["role"], "content": each["content"]} for each in given["messages"]]
    return turns[:-1] if turns[-1]["role"] == "assistant" else turns


def _expected(row: DataRow) -> str:
    label = row.class_label()
    return label if label is not None else list(row.answer_texts())[_wanted_at(row)]


def _wanted_at(row: DataRow) -> int:
    """Return where the wanted answer stands: the last turn of a chat, the better of two answers."""
    return 0 if row.kind == "preference" else -1


def _max_tokens(rows: Sequence[DataRow]) -> int:
    longest = max(len(_expected(row)) for row in rows)
    return min(_MAX_ANSWER_TOKENS, longest // _CHARACTERS_PER_TOKEN + _SPARE_TOKENS)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _target_name(title: str) -> str:
    """Return a title as a target may be called."""
    return "".join(each if each.isalnum() or each in " _.:-" else " " for each in title)[:63]
