"""Booking notes, each with the number of people that it asks a table for, as data set of rewards.

    Hi, this is Okafor. Could we book for four on Friday 7pm? PS: window seat
    4

The notes are those of `bookings`: of the held-out ones, no note, name or wish occurs in training.
Two short examples stand before each, since a base that never draws a right answer learns nothing
from rewards. `python -m models.datasets.party_sizes FILE` writes the same rows as a user's file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from models.datasets import bookings
from models.training_data.channel import MANIFEST, DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn

SYSTEM = "For how many people is the table? Answer with the number alone, in digits."
EXAMPLES = (("Monday 8pm, eleven of us. Lee", "11"), ("1 seat at the bar, Sunday noon. Ada", "1"))
"""Notes that are shown before each, with their answers, which are those of no row."""

_SOURCE = DataSource(
    source="models/datasets/party_sizes.py",
    licence="CC0-1.0",
    split="notes, names and wishes of the test are in no training row",
)


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises DiskFull."""
    train, test = examples()
    write_channel(into, "chat", {"train": train, "test": test}, _SOURCE)
    return into / MANIFEST


def examples(
    trained: int = bookings.TRAINED, held_out: int = bookings.HELD_OUT
) -> tuple[list[ChatExample], list[ChatExample]]:
    """Return conversations to train on and held-out ones, the same each time."""
    train, test = bookings.examples(trained, held_out)
    return _sizes(train), _sizes(test)


def _sizes(rows: Sequence[ChatExample]) -> list[ChatExample]:
    shown = [
        ChatTurn.model_validate({"role": role, "content": text})
        for pair in EXAMPLES
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return [
        ChatExample(
            messages=(
                ChatTurn(role="system", content=SYSTEM),
                *shown,
                row.messages[1],
                ChatTurn(
                    role="assistant", content=str(json.loads(row.messages[2].content)["people"])
                ),
            )
        )
        for row in rows
    ]


if __name__ == "__main__":
    rows, judged = examples()
    target = Path(sys.argv[1])
    bookings.write_user_file(rows, target)
    bookings.write_user_file(judged, target.with_name(f"{target.stem}-held-out{target.suffix}"))
