"""Files of labelling: items that go in, and rows that come out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cli.failures import CommandError, UsageError
from cli.output import Json

FILES: Mapping[str, Mapping[str, str]] = {
    "preference": {"train": "pairs-train.jsonl", "test": "pairs-test.jsonl"},
    "supervised": {"train": "train.jsonl", "test": "test.jsonl"},
}
"""Files of an export by format and part, as the recipes name them."""
LABELS = "labels.jsonl"
PROVENANCE = "provenance.jsonl"


def read_items(path: Path, kind: str) -> list[Json]:
    """Return the items of a JSONL file.

    An item without a type is of `kind`, and one without an id has the number of its line.

    Raises:
        UsageError: the file cannot be read, or a line is no JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    items = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}, line {number} is not JSON: {error}.") from error
        if not isinstance(item, dict):
            raise UsageError(f"{path}, line {number} is not a JSON object.")
        items.append({"type": kind, "id": f"line-{number}", **item})
    if not items:
        raise UsageError(f"{path} has no items.")
    return items


def write_export(folder: Path, export_format: str, rows: Iterable[Json]) -> Mapping[str, int]:
    """Write the files of an export; return how many lines each has.

    `provenance.jsonl` has a line for each line of the others, with the name of its file.
    """
    lines: dict[str, list[Json]] = {name: [] for name in FILES.get(export_format, {}).values()}
    provenance: list[Json] = []
    for row in rows:
        if export_format not in FILES:
            kept = {name: row[name] for name in ("part", "item", "given", "provenance")}
            lines.setdefault(LABELS, []).append(kept)
            continue
        name = FILES[export_format][row["part"]]
        lines[name].append(row["row"])
        provenance.append({"file": name, "line": len(lines[name]), **row["provenance"]})
    if provenance:
        lines[PROVENANCE] = provenance
    write_lines(folder, lines)
    return {name: len(content) for name, content in lines.items()}


def write_lines(folder: Path, lines: Mapping[str, Sequence[Json]]) -> None:
    """Write JSONL files into a folder. Raises `CommandError` where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in lines.items():
            text = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in content)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error}") from error
