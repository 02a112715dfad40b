"""Predictions in a file, CSV or JSON lines, as the columns that `evaluate bias` compares."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.failures import UsageError

MAX_ROWS = 2_000_000
_YES = frozenset(("1", "1.0", "true", "yes"))
_NO = frozenset(("0", "0.0", "false", "no"))


@dataclass(frozen=True, slots=True)
class PredictionColumns:
    """Names of the columns of a file, and what counts as yes in `label` and `prediction`.

    `positive` is None for 1, true and yes. A `score` takes the place of a prediction.
    """

    group: str = "group"
    label: str = "label"
    prediction: str = "prediction"
    score: str = "score"
    query: str = "query"
    positive: str | None = None


@dataclass(frozen=True, slots=True)
class PredictionTable:
    """The rows of a file, column by column; a column that the file lacks is None."""

    groups: list[str]
    labels: list[float] | None
    predictions: list[float] | None
    scores: list[float] | None
    queries: list[str] | None


def read_predictions(file: Path, columns: PredictionColumns) -> PredictionTable:
    """Return the columns of a file.

    Raises:
        UsageError: it cannot be read, or a row lacks a value or has a wrong one; the message names
            the row and the column.
    """
    rows = [
        {str(name): value for name, value in row.items() if name is not None} for row in _rows(file)
    ]
    if not rows:
        raise UsageError(f"{file} has no rows.")
    if len(rows) > MAX_ROWS:
        raise UsageError(f"{file} has {len(rows)} rows; {MAX_ROWS} are the most.")
    if columns.group not in rows[0]:
        raise UsageError(
            f"{file} has no column {columns.group!r}; it has {', '.join(rows[0])}. --group names "
            "the one that tells groups apart."
        )
    yes = columns.positive

    def decisions(name: str) -> list[float] | None:
        if name not in rows[0]:
            return None
        return [_decision(each, f"{file}, row {n}, {name}", yes) for n, each in _column(rows, name)]

    def texts(name: str) -> list[str]:
        return [_text(each, f"{file}, row {n}, {name}") for n, each in _column(rows, name)]

    scores = None
    if columns.score in rows[0]:
        scores = [
            _number(each, f"{file}, row {n}, {columns.score}")
            for n, each in _column(rows, columns.score)
        ]
    return PredictionTable(
        groups=texts(columns.group),
        labels=decisions(columns.label),
        predictions=decisions(columns.prediction),
        scores=scores,
        queries=texts(columns.query) if columns.query in rows[0] else None,
    )


def _rows(file: Path) -> Iterator[Mapping[Any, Any]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            if file.suffix.lower() in (".jsonl", ".ndjson", ".json"):
                yield from _json_rows(file, opened)
            else:
                yield from csv.DictReader(opened)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8: {error}") from error
    except csv.Error as error:
        raise UsageError(f"{file} is no CSV: {error}.") from error


def _json_rows(file: Path, opened: Iterator[str]) -> Iterator[Mapping[Any, Any]]:
    for n, line in enumerate(opened, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file}, line {n} is no JSON: {error}.") from error
        if not isinstance(row, dict):
            raise UsageError(f"{file}, line {n} is no JSON object; each line is one row.")
        yield row


def _column(rows: list[dict[str, Any]], name: str) -> Iterator[tuple[int, Any]]:
    return ((n, row.get(name)) for n, row in enumerate(rows, 1))


def _text(value: Any, place: str) -> str:
    text = "" if value is None else str(value).strip()
    if not text:
        raise UsageError(f"{place} is empty; leave the row out, or give it a value.")
    return text


def _decision(value: Any, place: str, positive: str | None) -> float:
    """Return 1 for yes and 0 for no."""
    text = _text(value, place)
    if positive is not None:
        return float(text == positive)
    if text.lower() in _YES:
        return 1.0
    if text.lower() in _NO:
        return 0.0
    raise UsageError(
        f"{place} is {text!r}, and neither 1 nor 0; --positive names the value that counts as yes."
    )


def _number(value: Any, place: str) -> float:
    try:
        return float(_text(value, place))
    except ValueError as error:
        raise UsageError(f"{place} is {value!r}, which is no number.") from error
