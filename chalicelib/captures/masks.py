"""Masking of captured texts, and what their screening says about the output.

The rules of `chalicelib.screening` run in the process that answered: a call of the screening
function would lengthen each captured call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from chalicelib.contracts.screening import (
    DEFAULT_THRESHOLD,
    MAX_CHARACTERS,
    Category,
    Finding,
    OriginText,
)
from chalicelib.screening.policies import HARMFUL, masked_texts
from chalicelib.screening.text_screening import screen


@dataclass(frozen=True, slots=True)
class MaskedBodies:
    """A request and an output after masking.

    `masked` is how many findings were masked, and `unsafe` whether a rule for harmful content
    found something in the output.
    """

    request: JsonValue
    output: str
    masked: int
    unsafe: bool


def mask_bodies(request: JsonValue, output: str, mask: Collection[Category]) -> MaskedBodies:
    """Return a request and its output with the findings of `mask` made unreadable.

    Every text in `request` is masked, keys of objects excepted.

    Raises:
        InvalidInput: there are more findings, or more characters, than one screening takes.
    """
    texts = [*_texts(request), output]
    origins = [OriginText(text=text, origin="input") for text in texts[:-1]]
    found: list[Finding] = []
    if mask:
        given = [*origins, OriginText(text=output, origin="output")]
        found = list(screen(given, mask, DEFAULT_THRESHOLD))
    given_back = iter(masked_texts(texts, found))
    masked_request = _replaced(request, given_back)
    harm = screen([OriginText(text=output, origin="output")], HARMFUL, DEFAULT_THRESHOLD)
    return MaskedBodies(masked_request, next(given_back), len(found), bool(harm))


def fits_screening(request: JsonValue, output: str) -> bool:
    """Tell whether a request and its output are short enough to be screened together."""
    return sum(map(len, _texts(request))) + len(output) <= MAX_CHARACTERS


def _texts(value: JsonValue) -> Iterator[str]:
    """Yield the texts in a JSON value in the order in which `_replaced` takes them back."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each)


def _replaced(value: JsonValue, texts: Iterator[str]) -> JsonValue:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, Mapping):
        return {name: _replaced(each, texts) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_replaced(each, texts) for each in value]
    return value
