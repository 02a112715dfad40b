"""PDFs that went wrong, the same ones each time, and what becomes of reading them.

    python -m tests.data.formats.mutate_pdfs FIRST COUNT

reads and shows mutants and writes one line for each: `read`, or the name of the error. The library
below is written in C++: should it ever end the process, this one ends, and no test run with it. In
a Lambda function that is `Runtime.ExitError`, which the state machine tries again and then records.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable

import pypdfium2

from chalicelib.errors import InvalidInput, ModelFailure, Unsupported
from functions.read_document.pdf import pdf_document
from functions.recognise_pages.pictures import picture
from tests.data.formats import make_pdfs

_SOURCES: tuple[Callable[[], bytes], ...] = (
    make_pdfs.tables,
    make_pdfs.invoice,
    make_pdfs.columns,
    make_pdfs.with_file,
    make_pdfs.with_form,
    make_pdfs.endless_outline,
)
_NUMBER = re.compile(rb"(?<![A-Za-z])\d{1,6}(?![A-Za-z])")
_WORDS = (
    b"null",
    b"-1",
    b"4294967296",
    b"<<",
    b">>",
    b"[",
    b"99 0 R",
    b"1 0 R",
    b"(",
    b"/Length 0",
)


def mutants(first: int, count: int) -> list[bytes]:
    """Return the mutants `first` and following."""
    sources = [make() for make in _SOURCES]
    return [_mutant(sources[seed % len(sources)], seed) for seed in range(first, first + count)]


def _mutant(source: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    data = bytearray(source)
    for _ in range(chance.randint(1, 3)):
        chance.choice(_WAYS)(data, chance)
    return b"%PDF-1.7\n" + bytes(data[9:])


def _scratch(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data) // 2, len(data)) :]


def _drop(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randint(1, 200)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randint(1, 400)]


def _swap_number(data: bytearray, chance: random.Random) -> None:
    found = list(_NUMBER.finditer(data))
    if found:
        at = chance.choice(found)
        number = chance.choice((0, 1, 2, 3, 7, 65_536, 2**31 - 1, 2**31, 99_999_999))
        data[at.start() : at.end()] = b"%d" % number


def _put_word(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    word = chance.choice(_WORDS)
    data[at : at + len(word)] = word


_WAYS = (_scratch, _cut, _drop, _repeat, _swap_number, _swap_number, _put_word, _put_word)


def outcome(data: bytes) -> str:
    """Return `read`, or the name of the error with which a file, or its picture, was refused."""
    try:
        found = pdf_document.extract(data)
        document = pypdfium2.PdfDocument(data)
        try:
            picture(document, len(found.pages))
        finally:
            document.close()
    except (InvalidInput, Unsupported, ModelFailure) as refusal:
        return type(refusal).__name__
    return "read"


def main(first: int, count: int) -> None:
    """Write what becomes of each mutant."""
    for mutant in mutants(first, count):
        sys.stdout.write(outcome(mutant) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
