"""Letters to a shop, each with a plain, friendly reply that is preferred to a stiff one.

    Hi there! my kettle has not arrived yet. Where is it? Best, Anna
    chosen:   Thanks for writing, Anna. It left us on Friday and should be with you tomorrow.
    rejected: Dear customer, Delivery of the aforementioned goods is scheduled for Friday.

Both replies say the same of the matter, and either has more words in half of the pairs, so that
neither facts nor length tell which is preferred. Letters, phrases and names of the held-out pairs
do not occur in training. `python -m models.datasets.support_replies FILE` writes the same pairs as
a user's own files.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.files import write_atomically
from models.training_data.channel import MANIFEST, DataSource, write_channel
from models.training_data.rows import ChatTurn, PreferenceExample

SYSTEM = "You answer letters to a small shop."
TRAINED, HELD_OUT = 160, 60

_SEED = 0
_PHRASES = Path(__file__).with_suffix(".json")
"""Letters and what replies to them are made of, of either part."""
_SOURCE = DataSource(
    source="models/datasets/support_replies.py",
    licence="CC0-1.0",
    split="letters, phrases and names of the test are in no training row",
)


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises DiskFull."""
    train, test = examples()
    write_channel(into, "preference", {"train": train, "test": test}, _SOURCE)
    return into / MANIFEST


def examples(
    trained: int = TRAINED, held_out: int = HELD_OUT
) -> tuple[list[PreferenceExample], list[PreferenceExample]]:
    """Return pairs to train on and held-out ones, the same each time."""
    phrases = json.loads(_PHRASES.read_text(encoding="utf-8"))
    chance = random.Random(_SEED)  # noqa: S311 - the same draws each time are wanted
    return _pairs(chance, phrases["train"], trained), _pairs(chance, phrases["test"], held_out)


def _pairs(
    chance: random.Random, phrases: Mapping[str, Any], count: int
) -> list[PreferenceExample]:
    found: dict[str, PreferenceExample] = {}
    while len(found) < count:
        # Of each two pairs, the chosen reply is the longer one of the first.
        made = _pair(chance, phrases)
        longer = len(made.chosen.split()) > len(made.rejected.split())
        if longer == (len(found) % 2 == 0):
            found.setdefault(made.messages[-1].content, made)
    return list(found.values())


def _pair(chance: random.Random, phrases: Mapping[str, Any]) -> PreferenceExample:
    case = chance.choice(phrases["cases"])
    words = {
        "name": chance.choice(phrases["names"]),
        "item": chance.choice(phrases["items"]),
        "day": chance.choice(phrases["days"]),
    }
    at = chance.randrange(len(case["plain"]))
    asked = chance.choice(phrases["asked"]).format(
        question=case["question"].format(**words), **words
    )
    return PreferenceExample(
        messages=(
            ChatTurn(role="system", content=SYSTEM),
            ChatTurn(role="user", content=asked),
        ),
        chosen=_reply(chance, phrases, case, "plain", at).format(**words),
        rejected=_reply(chance, phrases, case, "stiff", at).format(**words),
    )


def _reply(
    chance: random.Random, phrases: Mapping[str, Any], case: Mapping[str, Any], way: str, at: int
) -> str:
    parts = [chance.choice(phrases[f"{way}_open"]), case[way][at]]
    if chance.random() < 0.5:
        parts.append(chance.choice(phrases[f"{way}_close"]))
    return " ".join(part for part in parts if part)


def write_user_file(rows: Sequence[PreferenceExample], path: Path) -> None:
    """Write pairs as a user's file: a line of JSON with prompt, chosen and rejected each."""
    lines = (
        json.dumps(
            {
                "prompt": [turn.model_dump() for turn in row.messages],
                "chosen": [{"role": "assistant", "content": row.chosen}],
                "rejected": [{"role": "assistant", "content": row.rejected}],
            }
        )
        for row in rows
    )
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    trained, judged = examples()
    target = Path(sys.argv[1])
    write_user_file(trained, target)
    write_user_file(judged, target.with_name(f"{target.stem}-held-out{target.suffix}"))
