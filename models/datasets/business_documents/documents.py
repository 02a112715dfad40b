"""Business documents with what is true of them, by a seed.

Equal arguments give equal documents, whatever was asked for before. Tests see designs, wordings,
keys and locales that training does not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from models.datasets.business_documents.addresses import vary_addresses
from models.datasets.business_documents.designs import (
    DESIGNS,
    DocumentDesign,
    DocumentKind,
    Split,
)
from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.form_facts import fill_contract, fill_form
from models.datasets.business_documents.generated_document import (
    GeneratedDocument,
    TrueList,
    TrueValue,
)
from models.datasets.business_documents.invoice_facts import fill_invoice, fill_receipt
from models.datasets.business_documents.item_table import cell_mark
from models.datasets.business_documents.label_choice import LabelChoice
from models.datasets.business_documents.locales import (
    HELD_OUT,
    TRAINING,
    DocumentLocale,
    writing_style,
)
from models.datasets.business_documents.near_facts import drop_near_fact
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.schemas import AskedLeaf, SchemaAuthor, UserSchema
from models.datasets.business_documents.sheet import Sheet
from models.datasets.business_documents.statement_facts import fill_statement
from models.datasets.business_documents.user_rules import user_rules

KINDS: tuple[DocumentKind, ...] = tuple(dict.fromkeys(each.kind for each in DESIGNS))
UNSEEN = 0.5
"""The share of held-out wordings and keys in documents of tests."""
RULED = 0.5
"""The share of schemas with rules, where there is anything to hold them to."""
NEAR_BLANKS = 0.5
"""The share of documents with designs by chance that lack a fact beside which a near one stays."""
_FONTS = ("helvetica", "helvetica", "times", "courier")
_ROWS = (1, 2, 3, 3, 4, 5, 6, 8, 10, 12, 18, 25, 40, 70)
_ALWAYS = frozenset(("invoice_number", "total", "seller_name", "buyer_name", "party_a", "party_b"))
_DERIVABLE = frozenset(
    (
        *("amount_due", "account_number", "currency", "debit", "credit", "entry_amount"),
        *("balance", "amount", "seller_phone", "seller_email"),
    )
)
"""Concepts not asked for where absent: another value could be argued to be theirs."""
_SPARSE: Mapping[str, str] = {"statement": "reference", "invoice": "sku", "receipt": "quantity"}
"""The column that has blank cells at times."""
_OF_SENDER = frozenset(
    (
        *("seller_name", "seller_address", "seller_vat", "seller_iban", "seller_bic"),
        *("seller_phone", "seller_email", "merchant", "bank_name", "bic", "payment_terms"),
    )
)
"""Concepts that all documents of one sender have in common."""
_MISSING = 0.15
_EMPTY_BOXES = 0.3


@dataclass(frozen=True, slots=True)
class DocumentVariation:
    """Traits that training documents alone have, so that those of tests stay as first measured.

    Attributes:
        invented: Share of the labels that mean nothing.
        varied_addresses: Whether addresses have boxes, floors and countries, and goods a delivery.
        near_blanks: Share of the documents that lack a fact beside which a near one stays.
    """

    invented: float = 0.0
    varied_addresses: bool = False
    near_blanks: float = 0.0


def documents(
    split: Split,
    seed: int,
    count: int,
    kinds: Sequence[DocumentKind] = KINDS,
    *,
    rows: int | None = None,
) -> Iterator[GeneratedDocument]:
    """Yield documents, kinds and designs in turn.

    Args:
        split: whose designs, wordings, keys and locales; validation has those of training in other
            documents, and designs of its own.
        seed: another one gives other documents.
        count: how many.
        kinds: of which kinds, as far as the split has designs of them.
        rows: of each list; drawn unless given.
    """
    designs = {
        kind: found
        for kind in kinds
        if (found := [each for each in DESIGNS if each.kind == kind and _is_of(each, split)])
    }
    drawn = tuple(designs)
    for at in range(count):
        choices = designs[drawn[at % len(drawn)]]
        design = choices[at // len(drawn) % len(choices)]
        yield draw_document(design, split, f"{split}/{seed}/{at}", rows)


def _is_of(design: DocumentDesign, split: Split) -> bool:
    return design.split == split or (split == "validation" and design.split == "train")


def draw_document(
    design: DocumentDesign,
    split: Split,
    seed: str,
    rows: int | None = None,
    sender: str = "",
    invented: float = 0.0,
) -> GeneratedDocument:
    """Draw one document of a design, by the words of its seed.

    Those of one `sender` have its language, letterhead, wordings and font. `invented` is the share
    of the labels that mean nothing.
    """
    return _drawn(design, split, seed, rows, sender, DocumentVariation(invented))[0]


def series(
    design: DocumentDesign, split: Split, sender: str, count: int, rows: int | None = None
) -> Iterator[GeneratedDocument]:
    """Yield documents of one sender in one design, all asked by the schema of the first.

    They have one language and letterhead, and call each thing by one wording. What a document
    lacks and another of its values could be argued to be is not in its truth.
    """
    asked: UserSchema | None = None
    for at in range(count):
        sheet, facts, choice, dropped = _sheet(
            design, split, f"{sender}/{at}", rows, sender, DocumentVariation(), one_wording=True
        )
        if asked is None:
            asked = _asked(facts, design.kind, sheet, choice, dropped, split, sender)
        yield _document(design, asked, facts, sheet, choice)


def legible_document(
    design: DocumentDesign, seed: str, rows: int, invented: float = 0.0
) -> GeneratedDocument | None:
    """Draw one document with the words of the training; None if texts hide each other."""
    variation = DocumentVariation(invented, varied_addresses=True, near_blanks=NEAR_BLANKS)
    document, sheet = _drawn(design, "train", seed, rows, "", variation)
    return document if sheet.is_legible() else None


def _drawn(
    design: DocumentDesign,
    split: Split,
    seed: str,
    rows: int | None,
    sender: str,
    variation: DocumentVariation,
) -> tuple[GeneratedDocument, Sheet]:
    """Return a document, and the sheet that it was drawn on."""
    sheet, facts, choice, dropped = _sheet(design, split, seed, rows, sender, variation)
    asked = _asked(facts, design.kind, sheet, choice, dropped, split, seed)
    return _document(design, asked, facts, sheet, choice), sheet


def _sheet(
    design: DocumentDesign,
    split: Split,
    seed: str,
    rows: int | None,
    sender: str,
    variation: DocumentVariation,
    *,
    one_wording: bool = False,
) -> tuple[Sheet, DocumentFacts, LabelChoice, list[str]]:
    """Return a drawn sheet with its facts and wordings, and the concepts that it lacks.

    Args:
        design: where what stands.
        split: whose words and locales.
        seed: of the document.
        rows: of each list; drawn unless given.
        sender: whose letterhead and language, "" for one of its own.
        variation: its labels and addresses that those of tests do not have.
        one_wording: whether its sender calls a thing the same in documents that lack others.
    """
    rng = random.Random(seed)  # noqa: S311 - documents are to be the same each time
    house = random.Random(sender) if sender else rng  # noqa: S311 - as above
    locale = _locale(split, house)
    negatives = ("minus", "trailing", "parentheses") if split == "test" else ("minus", "trailing")
    style = writing_style(locale, house, negatives=negatives)
    facts = DocumentFacts(style, rng)
    _fill(facts, design.kind, rng.choice(_ROWS) if rows is None else rows)
    if sender:
        own = DocumentFacts(style, random.Random(f"{sender}/facts"))  # noqa: S311 - as above
        _fill(own, design.kind, 1)
        facts.single.update({name: own.single[name] for name in _OF_SENDER & own.single.keys()})
    if variation.varied_addresses:
        vary_addresses(facts, random.Random(f"{seed}/addresses"))  # noqa: S311 - as above
    dropped = _drop(facts, _EMPTY_BOXES if design.kind == "form" else _MISSING)
    near = random.Random(f"{seed}/near")  # noqa: S311 - documents are to be the same each time
    if near.random() < variation.near_blanks:
        dropped += drop_near_fact(facts, design.kind, near)
    caller = sender if one_wording else ""
    choice = LabelChoice(
        locale.language, house, _unseen(split), caller, invented=variation.invented
    )
    sheet = Sheet(house.choice(_FONTS), design.paper)
    design.draw(Pen(sheet, facts, choice))
    return sheet, facts, choice, dropped


def _asked(
    facts: DocumentFacts,
    kind: DocumentKind,
    sheet: Sheet,
    choice: LabelChoice,
    dropped: Sequence[str],
    split: Split,
    seed: str,
) -> UserSchema:
    """Return a schema for a drawn sheet, at times with rules."""
    schema = _schema(facts, kind, sheet, choice, dropped, _unseen(split))
    ruled = random.Random(f"{seed}/rules").random() < RULED  # noqa: S311 - as above
    rules: list[JsonValue] = [*user_rules(schema, facts)] if ruled else []
    return replace(schema, source={**schema.source, "x-rules": rules}) if rules else schema


def _document(
    design: DocumentDesign,
    schema: UserSchema,
    facts: DocumentFacts,
    sheet: Sheet,
    choice: LabelChoice,
) -> GeneratedDocument:
    return GeneratedDocument(
        pdf=sheet.output(),
        schema=schema.source,
        truth=tuple(
            _single(leaf, facts, sheet)
            for leaf in schema.leaves
            if leaf.concept.name in facts.single or leaf.concept.name not in _DERIVABLE
        ),
        lists=_lists(schema, facts, sheet),
        kind=design.kind,
        template=design.name,
        language=facts.style.locale.code,
        scanned=False,
        pages=sheet.page,
        labels=choice.chosen,
    )


def _unseen(split: Split) -> float:
    return UNSEEN if split == "test" else 0.0


def _locale(split: Split, rng: random.Random) -> DocumentLocale:
    if split == "test" and rng.random() < UNSEEN:
        return rng.choice(HELD_OUT)
    return rng.choice(TRAINING)


def _fill(facts: DocumentFacts, kind: DocumentKind, rows: int) -> None:
    if kind == "invoice":
        fill_invoice(facts, rows)
    elif kind == "statement":
        fill_statement(facts, rows)
    elif kind == "receipt":
        fill_receipt(facts, rows)
    elif kind == "contract":
        fill_contract(facts, 1 + rows % 6)
    else:
        fill_form(facts)
    sparse = _SPARSE.get(kind)
    if sparse and facts.rng.random() < 0.4:
        facts.rows = [
            {name: fact for name, fact in row.items() if name != sparse or facts.rng.random() < 0.7}
            for row in facts.rows
        ]


def _drop(facts: DocumentFacts, share: float) -> list[str]:
    """Take facts out of a document, and return their concepts: they can be asked for in vain."""
    dropped = [name for name in facts.single if name not in _ALWAYS and facts.rng.random() < share]
    for name in dropped:
        del facts.single[name]
    return dropped


def _schema(
    facts: DocumentFacts,
    kind: DocumentKind,
    sheet: Sheet,
    choice: LabelChoice,
    dropped: Sequence[str],
    unseen: float,
) -> UserSchema:
    rng = facts.rng
    drawn = [name for name in facts.single if name in sheet.places]
    asked = [name for name in drawn if rng.random() < 0.75] or drawn
    asked += [
        name
        for name in dropped
        if name not in _DERIVABLE and name not in sheet.places and rng.random() < 0.75
    ]
    rng.shuffle(asked)
    shown = {mark.split("/")[2] for mark in sheet.places if "/" in mark}
    every = dict.fromkeys(name for row in facts.rows for name in row)
    columns = [
        name
        for name in every
        if (name in shown and rng.random() < 0.85)
        or (name not in shown and name not in _DERIVABLE and rng.random() < 0.1)
    ] or [name for name in every if name in shown]
    return SchemaAuthor(facts, choice, unseen).schema(kind, asked, columns)


def _single(leaf: AskedLeaf, facts: DocumentFacts, sheet: Sheet) -> TrueValue:
    name = leaf.concept.name
    places = tuple(sheet.places.get(name, ()))
    value = facts.single[name].value if places else None
    return TrueValue(leaf.pointer, name, leaf.concept.kind, value, places)


def _lists(schema: UserSchema, facts: DocumentFacts, sheet: Sheet) -> tuple[TrueList, ...]:
    if not schema.list_pointer:
        return ()
    rows = []
    for at, row in enumerate(facts.rows):
        cells = []
        for leaf in schema.columns:
            name = leaf.concept.name
            places = tuple(sheet.places.get(cell_mark(at, name), ()))
            value = row[name].value if places else None
            pointer = f"{schema.list_pointer}/{at}{leaf.pointer}"
            cells.append(TrueValue(pointer, name, leaf.concept.kind, value, places))
        rows.append(tuple(cells))
    return (TrueList(schema.list_pointer, tuple(rows)),)
