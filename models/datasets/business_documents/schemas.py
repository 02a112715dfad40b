"""JSON Schemas as users write them: keys, titles and descriptions of their own, nested or flat."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.datasets.business_documents.concepts import Concept, concepts
from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.form_facts import marital_options
from models.datasets.business_documents.label_choice import LabelChoice
from models.datasets.business_documents.wordings import wordings

LISTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "invoice": (("lines", "items", "line_items", "positions"), ("goods_sold", "billedRows")),
    "receipt": (("items", "products", "lines"), ("things_bought",)),
    "statement": (("transactions", "entries", "bookings"), ("account_movements",)),
    "contract": (("milestones", "payments", "schedule"), ("agreed_stages",)),
}
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "seller": (
        *("seller_name", "seller_address", "seller_vat", "seller_iban", "seller_bic"),
        *("seller_phone", "seller_email"),
    ),
    "buyer": ("buyer_name", "buyer_address", "buyer_vat"),
    "totals": (
        *("subtotal", "tax_rate", "tax_amount", "discount", "shipping", "total"),
        *("opening_balance", "closing_balance", "total_debits", "total_credits"),
    ),
    "period": ("period_start", "period_end"),
    "address": ("street", "postcode", "city"),
}
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class AskedLeaf:
    """A leaf of a schema: which concept it asks for, and where in the result it is."""

    concept: Concept
    pointer: str


@dataclass(frozen=True, slots=True)
class UserSchema:
    """A schema, its single leaves, and the columns of its list."""

    source: Mapping[str, Any]
    leaves: tuple[AskedLeaf, ...]
    list_pointer: str = ""
    columns: tuple[AskedLeaf, ...] = ()


class SchemaAuthor:
    """Writes the schema of one document. `unseen` is the share of held-out keys."""

    def __init__(self, facts: DocumentFacts, choice: LabelChoice, unseen: float) -> None:
        self._facts = facts
        self._choice = choice
        self._rng: random.Random = facts.rng
        self._unseen = unseen
        self._camel = self._rng.random() < 0.35
        self._native = choice.language != "en" and self._rng.random() < 0.5
        self._nested = self._rng.random() < 0.45
        self._titled = self._rng.choice((0.0, 0.0, 0.5, 1.0))
        self._described = self._rng.choice((0.0, 0.0, 0.4))
        self._synonyms = self._rng.choice((0.0, 0.0, 0.0, 0.6))
        self._nullable = self._rng.random() < 0.5

    def schema(self, kind: str, single: Sequence[str], columns: Sequence[str]) -> UserSchema:
        """Return a schema that asks for single concepts and for a list with columns, if any."""
        top: dict[str, Any] = {}
        leaves: list[AskedLeaf] = []
        groups = {name: group for group, members in _GROUPS.items() for name in members}
        for name in single:
            group = groups.get(name, "") if self._nested else ""
            where, pointer = top, ""
            if group:
                where = top.setdefault(group, {"type": "object", "properties": {}})["properties"]
                pointer = f"/{group}"
            key = self._key(name, where)
            where[key] = self._leaf(name)
            leaves.append(AskedLeaf(concepts()[name], f"{pointer}/{key}"))
        asked: list[AskedLeaf] = []
        list_pointer = ""
        if columns:
            known, held_out = LISTS[kind]
            new = self._rng.random() < self._unseen
            list_key = self._cased(self._rng.choice(held_out if new else known))
            properties: dict[str, Any] = {}
            for name in columns:
                key = self._key(name, properties)
                properties[key] = self._leaf(name)
                asked.append(AskedLeaf(concepts()[name], f"/{key}"))
            top[list_key] = {
                "type": "array",
                "items": {"type": "object", "properties": properties},
            }
            list_pointer = f"/{list_key}"
        source = {"type": "object", "title": kind, "properties": top}
        return UserSchema(source, tuple(leaves), list_pointer, tuple(asked))

    def _key(self, name: str, taken: Mapping[str, object]) -> str:
        """Return a key of a concept that its object has not yet."""
        concept = concepts()[name]
        new = concept.held_out_keys and self._rng.random() < self._unseen
        pool = list(concept.held_out_keys if new else concept.keys)
        if self._native and name in wordings(self._choice.language):
            pool = [self._slug(each) for each in self._choice.others(name)] or pool
        key = self._cased(self._rng.choice(pool))
        return key if key not in taken else self._cased(f"{key}_{name}")

    def _slug(self, label: str) -> str:
        return "_".join(part.lower() for part in _LETTERS.findall(label))

    def _cased(self, key: str) -> str:
        words = [part.lower() for part in _WORDS.findall(key)] if key.isascii() else key.split("_")
        if self._camel:
            return words[0] + "".join(word.capitalize() for word in words[1:])
        return "_".join(words)

    def _leaf(self, name: str) -> dict[str, Any]:
        concept = concepts()[name]
        leaf = self._typed(concept)
        if self._nullable and "enum" not in leaf:
            leaf["type"] = [leaf["type"], "null"]
        language = self._choice.language
        title = self._wording(name, language if self._native else "en")
        if title and self._rng.random() < self._titled:
            leaf["title"] = title
        english = self._wording(name, "en")
        if english and self._rng.random() < self._described:
            leaf["description"] = f"{english}, as it stands in the document"
        others = self._choice.others(name) if name in wordings(language) else ()
        if others and self._rng.random() < self._synonyms:
            count = min(len(others), self._rng.randrange(1, 4))
            leaf["x-synonyms"] = self._rng.sample(others, count)
        return leaf

    def _wording(self, name: str, language: str) -> str:
        """Return what a user calls a concept: none that the document itself uses, if it can be."""
        if name not in wordings(language):
            return ""
        if language == self._choice.language:
            others: Sequence[str] = self._choice.others(name)
        else:
            known, held_out = wordings(language)[name]
            others = (*known, *held_out) if self._unseen else known
        return self._rng.choice(others) if others else ""

    def _typed(self, concept: Concept) -> dict[str, Any]:
        kind = concept.kind
        if kind in ("money", "number", "percent"):
            return {"type": "number"}
        if kind in ("integer", "boolean"):
            return {"type": kind}
        leaf: dict[str, Any] = {"type": "string"}
        if kind in ("date", "time", "email"):
            leaf["format"] = kind
        elif kind == "enum":
            leaf["enum"] = [*marital_options(self._choice.language), None]
            leaf["type"] = ["string", "null"]
        elif kind == "currency" or (kind in ("iban", "vat", "phone") and self._rng.random() < 0.6):
            leaf["x-kind"] = kind
        return leaf
