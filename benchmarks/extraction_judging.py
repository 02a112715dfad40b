"""Extracted values beside the true ones: what is right, invented, missed, and where it was read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from chalicelib.contracts.extractions import ExtractedField, Extraction
from chalicelib.extraction.document import SourceDocument
from models.datasets.business_documents import TrueList, TruePlace, TrueValue

_NUMBERS = frozenset(("money", "number", "percent", "integer"))
_CODES = frozenset(("identifier", "iban", "vat", "email", "currency"))
_NO_ALNUM = re.compile(r"[\W_]+")
_NO_DIGIT = re.compile(r"\D+")
_AHEAD, _BEHIND = 30, 4
"""How far from its turn a row is looked for: rows may be missing or come twice."""
_PHONE_DIGITS = 6
_MARGIN = 2.0
"""Points by which a word's middle may lie outside of a true box."""


@dataclass(frozen=True, slots=True)
class JudgedLeaf:
    """A leaf that was asked for, and what came of it.

    `confidence` is None where the extractor gave none, and `grounded` where there is nothing to
    tell by: nothing was found, it is wrong, or no word of it has a box.
    """

    kind: str
    present: bool
    found: bool
    right: bool
    confidence: float | None = None
    grounded: bool | None = None
    in_list: bool = False
    spurious: bool = False
    """Whether it is of a row that the list does not have."""
    candidates: int = 0
    """Candidates that it is shown with."""
    right_candidate: int = 0
    """The number of the right one among them, from 1 on; 0 if it is not there."""

    @property
    def blank(self) -> bool:
        """Tell whether it was asked for and the document does not have it."""
        return not self.present and not self.spurious

    @property
    def invented(self) -> bool:
        """Tell whether a value was given for a blank."""
        return self.found and self.blank


@dataclass(frozen=True, slots=True)
class JudgedList:
    """How the rows of a list were found: `true`, `found`, those that match, and repetitions.

    A row matches with half of its cells; it is `whole` if every cell is right, blanks too.
    """

    true: int
    found: int
    matched: int
    duplicates: int
    complete: bool
    whole: int = 0

    @property
    def is_right(self) -> bool:
        """Tell whether the list has all of its rows and cells as they are, and nothing else."""
        return self.whole == self.true == self.found


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """The leaves and lists of one document."""

    leaves: tuple[JudgedLeaf, ...]
    lists: tuple[JudgedList, ...]


def is_same(kind: str, expected: object, found: object) -> bool:
    """Tell whether a found value is the expected one, as its kind is compared.

    Numbers are equal in value, dates to the letter; codes and texts without regard to case, spaces
    and signs, and phone numbers in their last digits, since a country's code may be added.
    """
    if expected is None or found is None:
        return expected is found
    if kind == "boolean" or isinstance(expected, bool):
        return expected is found
    if kind in _NUMBERS:
        try:
            return Decimal(str(expected)) == Decimal(str(found))
        except InvalidOperation:
            return False
    one, other = str(expected), str(found)
    if kind in ("date", "date_time"):
        return one == other
    if kind == "time":
        return one[:5] == other[:5]
    if kind == "phone":
        digits, told = _NO_DIGIT.sub("", one), _NO_DIGIT.sub("", other)
        shorter = min(len(digits), len(told), 9)
        return shorter >= _PHONE_DIGITS and digits[-shorter:] == told[-shorter:]
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return _NO_ALNUM.sub("", text).casefold()


def at_pointer(values: object, pointer: str) -> object:
    """Return the value at a JSON Pointer, None where there is none."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(values, Mapping):
            values = values.get(key)
        elif isinstance(values, list) and key.isdigit() and int(key) < len(values):
            values = values[int(key)]
        else:
            return None
    return values


def judge(
    extraction: Extraction,
    truth: Sequence[TrueValue],
    lists: Sequence[TrueList],
    document: SourceDocument | None,
) -> JudgedDocument:
    """Judge an extraction; where there is no document, nothing is said of places."""
    fields = {field.pointer: field for field in extraction.fields}
    leaves = [
        _leaf(
            value, at_pointer(extraction.values, value.pointer), fields.get(value.pointer), document
        )
        for value in truth
    ]
    complete = {each.pointer: each.complete for each in extraction.lists}
    judged = []
    for true in lists:
        found = at_pointer(extraction.values, true.pointer)
        rows = found if isinstance(found, list) else []
        cells, counts = _rows(true, rows, fields, document, complete.get(true.pointer, True))
        leaves += cells
        judged.append(counts)
    return JudgedDocument(tuple(leaves), tuple(judged))


def _leaf(
    true: TrueValue,
    found: object,
    field: ExtractedField | None,
    document: SourceDocument | None,
    *,
    in_list: bool = False,
) -> JudgedLeaf:
    right = is_same(true.kind, true.value, found)
    shown = field.candidates if field else ()
    grounded = None
    if right and true.value is not None and field and document and true.kind != "boolean":
        grounded = _is_grounded(field, true.places, document)
    return JudgedLeaf(
        true.kind,
        true.value is not None,
        found is not None,
        right,
        field.confidence if field else None,
        grounded,
        in_list,
        candidates=len(shown),
        right_candidate=next(
            (at for at, each in enumerate(shown, 1) if is_same(true.kind, true.value, each.value)),
            0,
        ),
    )


def _is_grounded(
    field: ExtractedField, places: Iterable[TruePlace], document: SourceDocument
) -> bool | None:
    """Tell whether the evidence is the words of the value at one of its places.

    It is if it has at least half of them and at most two words beside, such as a currency's.
    """
    cited = {
        (evidence.page, word.start)
        for evidence in field.evidence
        for word in document.page(evidence.page).placed_in(evidence.start, evidence.end)
    }
    answers = []
    for place in places:
        if not place.boxes:
            answers.append(_is_quoted(field, place, document))
            continue
        wanted = {
            (place.page, word.start)
            for word in document.page(place.page).placed
            if any(
                is_in_box((word.left, word.top, word.right, word.bottom), box)
                for box in place.boxes
            )
        }
        if wanted:
            both = len(cited & wanted)
            answers.append(2 * both >= len(wanted) and len(cited - wanted) <= 2)
    return any(answers) if answers else None


def _is_quoted(field: ExtractedField, place: TruePlace, document: SourceDocument) -> bool:
    """Tell whether the evidence has the words of a place without boxes, and few more."""
    words = _bare(place.raw)
    quoted = [
        _bare(document.page(each.page).text[each.start : each.end])
        for each in field.evidence
        if each.page == place.page
    ]
    return any(words in each and len(each) <= 2 * len(words) for each in quoted)


def is_in_box(
    edges: tuple[float, float, float, float], box: tuple[float, float, float, float]
) -> bool:
    """Return whether the middle of a word is in a true box, or near it."""
    x, y = (edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2
    return box[0] - _MARGIN <= x <= box[2] + _MARGIN and box[1] - _MARGIN <= y <= box[3] + _MARGIN


def _rows(
    true: TrueList,
    found: Sequence[object],
    fields: Mapping[str, ExtractedField],
    document: SourceDocument | None,
    complete: bool,
) -> tuple[list[JudgedLeaf], JudgedList]:
    """Match found rows to true ones in their order, each true one once."""
    leaves: list[JudgedLeaf] = []
    taken: dict[int, int] = {}
    duplicates, cursor = 0, 0
    for at, row in enumerate(found):
        first, last = max(0, cursor - _BEHIND), min(len(true.rows), cursor + _AHEAD)
        scores = [
            (_likeness(true, place, row), -abs(place - cursor), place)
            for place in range(first, last)
        ]
        enough = [each for each in scores if each[0] >= _needed(true.rows[each[2]])]
        fresh = [each for each in enough if each[2] not in taken]
        if fresh:
            taken[max(fresh)[2]] = at
            cursor = max(fresh)[2] + 1
        elif enough:
            duplicates += 1
        if not fresh:
            leaves += _spurious(true, row)
    whole = 0
    for place, cells in enumerate(true.rows):
        matched = taken.get(place)
        first = len(leaves)
        for cell in cells:
            key = _key(true, cell, place)
            value = None if matched is None else at_pointer(found[matched], key)
            field = fields.get(f"{true.pointer}/{matched}{key}")
            leaves.append(_leaf(cell, value, field, document, in_list=True))
        whole += matched is not None and all(leaf.right for leaf in leaves[first:])
    counts = JudgedList(len(true.rows), len(found), len(taken), duplicates, complete, whole)
    return leaves, counts


def _key(true: TrueList, cell: TrueValue, place: int) -> str:
    return cell.pointer.removeprefix(f"{true.pointer}/{place}")


def _likeness(true: TrueList, place: int, row: object) -> int:
    return sum(
        cell.value is not None
        and is_same(cell.kind, cell.value, at_pointer(row, _key(true, cell, place)))
        for cell in true.rows[place]
    )


def _needed(cells: Sequence[TrueValue]) -> int:
    return max(1, math.ceil(sum(cell.value is not None for cell in cells) / 2))


def _spurious(true: TrueList, row: object) -> list[JudgedLeaf]:
    """Return the values of a row that is none: they are wrong, and no blank was filled by them."""
    if not true.rows:
        return []
    return [
        JudgedLeaf(cell.kind, present=False, found=True, right=False, in_list=True, spurious=True)
        for cell in true.rows[0]
        if at_pointer(row, _key(true, cell, 0)) is not None
    ]
