"""English words and how they are said, out of the CMU Pronouncing Dictionary.

    abandon    AH0 B AE1 N D AH0 N

Words that begin with the same five letters are of one part, so that no held-out word is a form of
one that is learned. `python -m models.datasets.pronunciations FILE` writes the rows of training and
test as a user's own file, a table with the columns prompt and completion, and FILE's name with
`-test` for those held out.

Carnegie Mellon University, http://www.speech.cs.cmu.edu/cgi-bin/cmudict, BSD-2-Clause, in npm's
cmu-pronouncing-dictionary. Nothing of it is kept in git.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from models.data.packages import NpmPackage, read_npm_files
from models.failures import BadData
from models.files import write_atomically
from models.training_data.channel import MANIFEST, DataPart, DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn

PACKAGE = NpmPackage(
    "cmu-pronouncing-dictionary",
    "3.0.0",
    "sha512-6y5X4OxsYFnHERo6WSVPnLrk53G07MOQ8aUb2z555JgwynpbZsHR0a//WdN6DUcmE1j2auTF2TtL4PpoKze8QQ==",
)
MEMBER = "index.js"
TRAINED, HELD_OUT = 60_000, 1_000

_SOURCE = DataSource(
    source="The CMU Pronouncing Dictionary, npm's cmu-pronouncing-dictionary 3.0.0",
    licence="BSD-2-Clause",
    split="words that begin with the same five letters are of one part",
)
_WORD = re.compile(r"[a-z]{2,}")
_STEM = 5
_PARTS = 50
"""One beginning in so many is held out for the test, and one for validation."""

Pronunciation = tuple[str, str]


def prepare(into: Path) -> Path:
    """Write the channel and return its manifest. Equal bytes each time.

    Raises:
        NoDataset: the package cannot be had.
        DiskFull: there was no room.
    """
    rows = {part: [_row(each) for each in pairs] for part, pairs in parts().items()}
    write_channel(into, "chat", rows, _SOURCE)
    return into / MANIFEST


def parts() -> dict[DataPart, list[Pronunciation]]:
    """Return words and their pronunciations by part. Raises NoDataset, BadData."""
    found: dict[DataPart, list[Pronunciation]] = {"train": [], "validation": [], "test": []}
    for pair in sorted(read_dictionary(), key=lambda each: _hashed(each[0])):
        place = int(_hashed(pair[0][:_STEM]), 16) % _PARTS
        part: DataPart = "test" if place == 0 else "validation" if place == 1 else "train"
        if len(found[part]) < (TRAINED if part == "train" else HELD_OUT):
            found[part].append(pair)
    return found


def read_dictionary() -> list[Pronunciation]:
    """Return the words of letters alone, with the first pronunciation of each.

    Raises:
        NoDataset: the package cannot be had.
        BadData: it has no dictionary.
    """
    written = read_npm_files(PACKAGE, (MEMBER,))[MEMBER].decode()
    start, end = written.find("= {"), written.rfind("}")
    try:
        words = json.loads(re.sub(r",\s*}$", "}", written[start + 2 : end + 1]))
    except ValueError as error:
        raise BadData(f"{MEMBER} of {PACKAGE.file} is no dictionary: {error}") from error
    return [(word, said) for word, said in words.items() if _WORD.fullmatch(word)]


def _row(pair: Pronunciation) -> ChatExample:
    word, said = pair
    return ChatExample(
        messages=(ChatTurn(role="user", content=word), ChatTurn(role="assistant", content=said))
    )


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main(arguments: Sequence[str]) -> int:
    """Write the rows as files of a user."""
    into = Path(arguments[0])
    found = parts()
    for path, pairs in (
        (into, [*found["train"], *found["validation"]]),
        (into.with_name(f"{into.stem}-test{into.suffix}"), found["test"]),
    ):
        table = io.StringIO()
        csv.writer(table).writerows([("prompt", "completion"), *pairs])
        write_atomically(path, table.getvalue().encode())
        print(f"{path}: {len(pairs):,} rows")  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
