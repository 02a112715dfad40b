"""Output of the commands: tables and progress for people, JSON for programs.

Answers go to standard output; progress, notices and errors go to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]


_WIDE = 200
"""Columns where the output is no terminal: a pipe has no edge to wrap at."""


def _stdout() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)


def _stderr() -> Console:
    width = None if sys.stderr.isatty() else _WIDE
    return Console(stderr=True, highlight=False, width=width)


@dataclass(frozen=True, slots=True)
class Output:
    """Writer of a command's output; with `as_json` standard output carries JSON only."""

    as_json: bool = False
    out: Console = field(default_factory=_stdout)
    err: Console = field(default_factory=_stderr)

    def json(self, value: object) -> None:
        """Print `value` as JSON."""
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print one line for people; text is never read as markup."""
        self.out.print(Text(text, style=style or ""))

    def text(self, text: Text) -> None:
        """Print one line of text with its own styles."""
        self.out.print(text)

    def notice(self, text: str, style: str | None = None) -> None:
        """Print one line to standard error, beside the answer."""
        self.err.print(Text(text, style=style or ""))

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in headings:
            numeric = heading in {"pages", "chunks", "bytes", "page", "score", "size"}
            table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        self.out.print(table)

    def progress(self) -> Progress:
        """Return a progress display; it is silent for programs."""
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            disable=self.as_json,
        )


def describe_receipt(receipt: Json | None) -> list[str]:
    """Return the lines that state what a result cost.

    A line names what did the work and, if different, the service whose list price applies.
    """
    if not receipt:
        return []
    lines = [_describe_line(line) for line in receipt.get("lines", [])]
    lines.append(f"  total: {summarise_receipt(receipt).strip()}")
    dearer = receipt.get("next_dearer")
    if dearer:
        lines.append(f"  next dearer: {dearer['path']}, ${dearer['dollars']}")
    rollout = receipt.get("rollout")
    if rollout:
        lines.append(f"  {rollout['arm']} arm of rollout {rollout['rollout_id']}")
    return lines


def summarise_receipt(receipt: Json, waited: float | None = None) -> str:
    """Return times and cost of a result on one line.

    `waited` are the seconds that the user waited for it; those of the receipt are what functions
    and models took, by which AWS bills.
    """
    wait = "" if waited is None else f"answered in {waited:.2f} s, of which "
    worked = f"functions and models {receipt.get('seconds', 0):.3f} s"
    return f"  {wait}{worked}, ${receipt['dollars']} at AWS's list prices"


def _describe_line(line: Json) -> str:
    used = [
        f"{line[name]} {name.replace('_', ' ')}"
        for name in ("tokens_in", "tokens_out", "images", "transitions")
        if line.get(name)
    ]
    if line.get("seconds"):
        used.append(f"{line['seconds']:.3f} s")
    priced_as = line.get("priced_as", line["model"])
    used.append(f"${line['dollars']}" if priced_as else "no list price known")
    if priced_as and priced_as != line["model"]:
        used[-1] += f" as {priced_as}"
    return f"  {line['role']}: {line['model']}, {', '.join(used)}"


def describe_place(found: Json) -> str:
    """Return the position of a hit or a citation: path, page and characters, or its time."""
    if found.get("start_ms") is not None:
        name = f" Speaker {found['speaker']}" if found.get("speaker") else ""
        return f"{found['path']} {describe_time(found)}{name}"
    return f"{found['path']}, page {found['page']}, characters {found['start']} to {found['end']}"


def describe_time(found: Json) -> str:
    """Return when a recording says or shows something, as `[00:12:31–00:12:44]`."""  # noqa: RUF002
    from chalicelib.contracts.page_times import clock_time

    return f"[{clock_time(found['start_ms'])}–{clock_time(found['end_ms'])}]"  # noqa: RUF001


def describe_removed(removed: Json) -> str:
    """Return the amounts that a removal deleted, as a suffix for the name of what was removed."""
    parts = [f"{count} {name}" for name, count in removed.items()]
    return ": " + ", ".join(parts) if parts else ""


def show_backups(output: Output, backups: Iterable[Json]) -> None:
    """Print which backups still hold what was removed, and for how long."""
    held = [backup for backup in backups if backup["days"]]
    if held:
        output.line("Backups still hold:")
    for backup in held:
        output.line(f"  {backup['where']}, up to {backup['days']} days: {backup['what']}", "dim")
