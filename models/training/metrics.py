"""Metrics as log lines, which SageMaker parses by patterns, and their history file.

A step prints one line, `step=12; metric:loss=0.123;`, and a job's MetricDefinitions have a pattern
for each metric that its recipe names.
https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_NUMBER = r"([-+]?(?:[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|nan|inf))"
_FOUND = re.compile(rf"metric:([A-Za-z0-9_]+)={_NUMBER};")
_STEP = re.compile(r"step=([0-9]+);")


def log_line(step: int, values: Mapping[str, float]) -> str:
    """Return the log line of a step, values with seven significant digits."""
    told = " ".join(f"metric:{name}={value:.7g};" for name, value in values.items())
    return f"step={step}; {told}"


def parse_line(text: str) -> tuple[int, dict[str, float]] | None:
    """Parse the step and the values of a log line; None for other lines."""
    found = {name: float(value) for name, value in _FOUND.findall(text)}
    step = _STEP.search(text)
    return (int(step.group(1)), found) if step and found else None


def metric_definitions(names: Iterable[str]) -> list[dict[str, str]]:
    """Return the MetricDefinitions of a job: a name and a pattern for each metric."""
    return [{"Name": name, "Regex": f"metric:{name}={_NUMBER};"} for name in names]


HISTORY = "history.jsonl"


def read_history(path: Path) -> dict[int, dict[str, float]]:
    """Return the metrics of each step; a truncated last line is skipped."""
    if not path.is_file():
        return {}
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(text)
        except ValueError:
            continue
        found[int(row.pop("step"))] = row
    return found
