"""Dates as people write them in many languages, and the same in ISO 8601.

    2. Dezember 1980    1980-12-02

The forms are CLDR's long, full and medium ones, written by babel. Days and locales of the held-out
rows are none of the training's: de_AT beside de_DE, nn_NO beside nb_NO. `python -m
models.datasets.dates FILE` writes the rows of training as a user's own file, a table with the
columns prompt and completion, and FILE's name with `-test` for those held out.

Unicode CLDR, https://cldr.unicode.org, Unicode-3.0, in PyPI's babel, BSD-3-Clause.
"""

from __future__ import annotations

import csv
import io
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from models.failures import NoDataset
from models.files import write_atomically
from models.training_data.channel import MANIFEST, DataPart, DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn

LEARNED = (
    *("en_US", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pt_BR", "sv_SE", "da_DK", "pl_PL"),
    *("cs_CZ", "fi_FI", "tr_TR", "hr_HR", "sk_SK", "nb_NO", "ro_RO", "hu_HU", "sl_SI", "ca_ES"),
)
HELD_OUT = (
    *("en_GB", "en_CA", "de_AT", "de_CH", "fr_CA", "fr_CH", "es_MX", "es_AR", "pt_PT", "it_CH"),
    *("nl_BE", "en_ZA", "es_CL", "sv_FI", "nn_NO"),
)
SIZES: dict[DataPart, int] = {"train": 12_000, "validation": 500, "test": 500}
"""Rows of each part."""

_SOURCE = DataSource(
    source="Unicode CLDR, as PyPI's babel writes it",
    licence="Unicode-3.0",
    split="days and locales of the test are none of the training's",
)
_FORMS = ("long", "full", "medium")
_FIRST, _DAYS = date(1950, 1, 1), 365 * 90
_SEED = 0

WrittenDate = tuple[str, str]
"""A date as somebody writes it, and in ISO 8601."""


def prepare(into: Path) -> Path:
    """Write the channel and return its manifest. Equal bytes each time.

    Raises:
        NoDataset: babel is not installed.
        DiskFull: there was no room.
    """
    rows = {part: [_row(each) for each in pairs] for part, pairs in parts().items()}
    write_channel(into, "chat", rows, _SOURCE)
    return into / MANIFEST


def parts() -> dict[DataPart, list[WrittenDate]]:
    """Return dates by part, each in words at least in part. Raises NoDataset."""
    drawing = random.Random(_SEED)  # noqa: S311 - the same rows each time
    days = [_FIRST + timedelta(days=day) for day in range(_DAYS)]
    drawing.shuffle(days)
    left = iter(days)
    found: dict[DataPart, list[WrittenDate]] = {}
    known: set[str] = set()
    for part, count in SIZES.items():
        locales = HELD_OUT if part == "test" else LEARNED
        drawn = _written(left, locales, drawing)
        found[part] = []
        while len(found[part]) < count:
            text, day = next(drawn)
            if text not in known:
                known.add(text)
                found[part].append((text, day))
    return found


def _written(
    days: Iterator[date], locales: Sequence[str], drawing: random.Random
) -> Iterator[WrittenDate]:
    """Yield days in a drawn form of a drawn locale; forms of figures alone are left out."""
    try:
        from babel.dates import format_date
    except ImportError as error:
        raise NoDataset("The dates are written by babel: `make training` installs it.") from error
    for day in days:
        text = str(format_date(day, drawing.choice(_FORMS), locale=drawing.choice(locales)))
        if any(letter.isalpha() for letter in text):
            yield text, day.isoformat()


def _row(pair: WrittenDate) -> ChatExample:
    text, day = pair
    return ChatExample(
        messages=(ChatTurn(role="user", content=text), ChatTurn(role="assistant", content=day))
    )


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
