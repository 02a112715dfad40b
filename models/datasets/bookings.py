"""Notes that ask for a table in a restaurant, and the booking in each as JSON.

    Hi, this is Okafor. Could we book for four on Friday 7pm? PS: window seat
    {"name": "Okafor", "people": 4, "day": "friday", "time": "19:00", "wish": "window seat"}

Notes, names and wishes of the held-out rows do not occur in training, so that memorising does not
solve them. `python -m models.datasets.bookings FILE` writes the same rows as a user's own file, in
OpenAI's format of conversations.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.files import write_atomically
from models.training_data.channel import MANIFEST, DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn

SYSTEM = "Return the booking as JSON with the keys name, people, day, time and wish."
TRAINED, HELD_OUT = 400, 100

_SEED = 0
_PHRASES = Path(__file__).with_suffix(".json")
"""Notes with places for the words, names and wishes, of either part."""
_SOURCE = DataSource(
    source="models/datasets/bookings.py",
    licence="CC0-1.0",
    split="notes, names and wishes of the test are in no training row",
)


@dataclass(frozen=True, slots=True)
class _Words:
    notes: Sequence[str]
    names: Sequence[str]
    wishes: Sequence[str]


_WISHED = ("; {}, please", ". We need: {}", ", with {} if possible", ". PS: {}", " - {}!")
_WITH_WISH = 0.6
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    12: "twelve",
}
_HOURS, _MINUTES = (11, 12, 13, 17, 18, 19, 20, 21), (0, 0, 15, 30, 30, 45)


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time. Raises DiskFull."""
    train, test = examples()
    write_channel(into, "chat", {"train": train, "test": test}, _SOURCE)
    return into / MANIFEST


def examples(
    trained: int = TRAINED, held_out: int = HELD_OUT
) -> tuple[list[ChatExample], list[ChatExample]]:
    """Return conversations to train on and held-out ones, the same each time."""
    chance = random.Random(_SEED)  # noqa: S311 - the same draws each time are wanted
    train, test = (_read_words(part) for part in ("train", "test"))
    return (
        [_example(chance, train) for _ in range(trained)],
        [_example(chance, test) for _ in range(held_out)],
    )


def _read_words(part: str) -> _Words:
    written = json.loads(_PHRASES.read_text(encoding="utf-8"))[part]
    return _Words(**{name: tuple(each) for name, each in written.items()})


def _example(chance: random.Random, words: _Words) -> ChatExample:
    people, day, name = (
        chance.choice(list(_NUMBERS)),
        chance.choice(_DAYS),
        chance.choice(words.names),
    )
    said, time = _time(chance)
    wish = chance.choice(words.wishes) if chance.random() < _WITH_WISH else None
    note = chance.choice(words.notes).format(
        people=chance.choice([str(people), _NUMBERS[people]]),
        day=chance.choice([day, day.capitalize(), day.capitalize(), day[:3].capitalize()]),
        time=said,
        name=name,
        wish=chance.choice(_WISHED).format(wish) if wish else "",
    )
    booking = {"name": name, "people": people, "day": day, "time": time, "wish": wish}
    return ChatExample(
        messages=(
            ChatTurn(role="system", content=SYSTEM),
            ChatTurn(role="user", content=note),
            ChatTurn(role="assistant", content=json.dumps(booking)),
        )
    )


def _time(chance: random.Random) -> tuple[str, str]:
    """Return a time as somebody says it, and as it is booked."""
    hour, minute = chance.choice(_HOURS), chance.choice(_MINUTES)
    short, half = hour if hour <= 12 else hour - 12, "am" if hour < 12 else "pm"
    said = [
        f"{hour:02d}:{minute:02d}",
        f"{short}:{minute:02d} {half}",
        f"{short}.{minute:02d}{half}",
    ]
    if not minute:
        said += [f"{short}{half}", f"{short} {half}"]
    if minute == 30:
        said.append(f"half past {short} {half}")
    return chance.choice(said), f"{hour:02d}:{minute:02d}"


def write_user_file(rows: Sequence[ChatExample], path: Path) -> None:
    """Write rows as a user's file: a line of JSON with `messages` each."""
    lines = (json.dumps({"messages": [turn.model_dump() for turn in row.messages]}) for row in rows)
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


if __name__ == "__main__":
    trained, judged = examples()
    target = Path(sys.argv[1])
    write_user_file(trained, target)
    write_user_file(judged, target.with_name(f"{target.stem}-held-out{target.suffix}"))
