"""Held-out rows that models are compared on, and the examples that few-shot calls show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.failures import CommandError, ItemsFailedError, UsageError

if TYPE_CHECKING:
    from cli.output import Output
    from models.training.recipe import DataKind
    from models.training_data.rows import DataRow

COMPARED_KINDS = ("chat", "labelled_text", "preference")
"""Kinds of rows whose tuned models answer calls with a text or a label."""
TOO_ALIKE = 0.8
"""Texts whose runs of characters overlap by this share (Jaccard) are nearly the same."""


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """Rows of one kind: those that judge, and those that were trained on.

    `version` is the hash of the data, as its manifest has it.
    """

    kind: DataKind
    held_out: tuple[DataRow, ...]
    trained: tuple[DataRow, ...]
    version: str


def read_rows(channel: Path) -> ComparedRows:
    """Return the held-out part and the training rows of a prepared channel.

    Raises:
        UsageError: models of its kind of rows cannot be compared by calls.
        CommandError: it is not whole.
    """
    from models.failures import BadData
    from models.training_data.channel import read_channel, read_manifest
    from models.training_data.rows import ROWS

    try:
        manifest = read_manifest(channel)
        if manifest.kind not in COMPARED_KINDS:
            raise UsageError(
                f"Models that learned from rows of the kind {manifest.kind} are not compared by "
                f"this command; those of {', '.join(COMPARED_KINDS)} are."
            )
        data = read_channel(channel, ROWS[manifest.kind])
    except BadData as error:
        raise CommandError(str(error)) from error
    return ComparedRows(manifest.kind, data.test, data.train, manifest.version)


def rows_with_own(channel: Path, own: Path, scratch: Path, output: Output) -> ComparedRows:
    """Return rows with a file of the user's in the place of the held-out part.

    The file is checked as data of a training is, so that a row that was trained on is refused.

    Raises:
        ItemsFailedError: the file is wrong, or has rows that were trained on; the report is shown.
        CommandError: it cannot be read.
    """
    from cli.data.report import show_report
    from models.failures import BadData
    from models.training_data.channel import read_manifest
    from models.training_data.preparation import DataRequest, prepare
    from models.training_data.problems import ACCEPTABLE

    known = read_rows(channel)
    # What was accepted of the training's rows is so still, but for rows that are held out as well.
    accepted = [
        each.name
        for each in read_manifest(channel).problems
        if each.name in ACCEPTABLE and "leak" not in each.name
    ]
    request = DataRequest(
        channel / "train.jsonl", known.kind, own, licence="for this comparison", accepted=accepted
    )
    try:
        done = prepare(request, scratch / "compared")
    except (BadData, OSError) as error:
        raise CommandError(str(error)) from error
    if done.manifest is None:
        show_report(output, done.report)
        raise ItemsFailedError
    found = read_rows(scratch / "compared")
    return ComparedRows(known.kind, found.held_out, known.trained, known.version)


def drawn_rows(rows: Sequence[DataRow], most: int, seed: int) -> tuple[DataRow, ...]:
    """Return `most` of the rows in their order, drawn by the seed; a file may be sorted."""
    import numpy as np

    if len(rows) <= most:
        return tuple(rows)
    drawn = np.random.default_rng(seed).permutation(len(rows))[:most]
    return tuple(rows[at] for at in sorted(drawn))


def require_apart(examples: Sequence[DataRow], held_out: Sequence[DataRow]) -> None:
    """Raise `UsageError` if an example is a held-out row, or nearly one: it would give it away."""
    import numpy as np

    from models.training_data.near_duplicates import common_hashes, text_hashes, without

    judged = [text_hashes(_input(row)) for row in held_out]
    # A template, such as an instruction that all begin with, makes no rows alike.
    common = common_hashes(judged)
    for number, example in enumerate(examples, 1):
        text = _input(example)
        own = without(text_hashes(text), common)
        for row, hashes in zip(held_out, judged, strict=True):
            other = without(hashes, common)
            shared = len(np.intersect1d(own, other, assume_unique=True))
            whole = len(own) + len(other) - shared
            alike = bool(whole) and shared / whole >= TOO_ALIKE
            if alike or _plain(text) == _plain(_input(row)):
                raise UsageError(
                    f"Example {number} of the few-shot calls is held-out too, or nearly: "
                    f"{text[:80]!r}. It would give the answer away. Take it out of one of the "
                    "files, or leave the examples out by --shots 0."
                )


def _input(row: DataRow) -> str:
    return "\n".join(row.input_texts())


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
