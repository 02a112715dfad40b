"""Fields that a schema asks for and a document of its kind never has: what is absent is learned."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from models.datasets.business_documents import GeneratedDocument, TrueValue
from models.datasets.business_documents.concepts import Concept, concepts
from models.datasets.business_documents.wordings import wordings

MAX_DECOYS = 4
SHARE = 0.6
"""Share of the documents whose schema asks for some."""
TITLED = 0.4
_FOREIGN: Mapping[str, tuple[str, ...]] = {
    "invoice": (
        *("birth_date", "nationality", "employer", "monthly_income", "notice_period", "deposit"),
        *("opening_balance", "statement_number", "period_start", "cashier", "card_number", "time"),
        *("contract_number", "smoker", "end_date", "identity_number"),
    ),
    "receipt": (
        *("due_date", "order_number", "customer_number", "seller_iban", "buyer_name", "shipping"),
        *("birth_date", "opening_balance", "notice_period", "end_date", "contract_number"),
        *("amount_due", "delivery_date", "nationality"),
    ),
    "statement": (
        *("due_date", "invoice_number", "tax_amount", "tax_rate", "order_number", "shipping"),
        *("birth_date", "occupation", "notice_period", "cashier", "delivery_date", "seller_vat"),
        *("payment_terms", "discount", "contract_number"),
    ),
    "form": (
        *("invoice_number", "due_date", "total", "tax_amount", "subtotal", "order_number"),
        *("delivery_date", "opening_balance", "closing_balance", "seller_vat", "discount"),
        *("notice_period", "end_date", "payment_terms", "cashier", "period_end", "time"),
    ),
    "contract": (
        *("invoice_number", "tax_rate", "shipping", "discount", "opening_balance", "seller_iban"),
        *("birth_date", "nationality", "occupation", "card_number", "due_date", "order_number"),
        *("delivery_date", "customer_number", "smoker", "phone", "email"),
    ),
}
"""Concepts of which no value in a document of the kind can be argued to be theirs."""


def with_decoys(generated: GeneratedDocument, rng: random.Random) -> GeneratedDocument:
    """Return a document whose schema also asks for what documents of its kind do not have."""
    if rng.random() > SHARE:
        return generated
    properties = dict(cast("dict[str, Any]", generated.schema["properties"]))
    truth = list(generated.truth)
    asked = {each.concept for each in truth}
    foreign = [name for name in _FOREIGN[generated.kind] if name not in asked]
    for name in rng.sample(foreign, rng.randrange(1, MAX_DECOYS + 1)):
        concept = concepts()[name]
        key = rng.choice(concept.keys)
        if key in properties:
            continue
        properties[key] = _leaf(concept, rng)
        truth.append(TrueValue(f"/{key}", name, concept.kind, None))
    schema = {**generated.schema, "properties": properties}
    return replace(generated, schema=schema, truth=tuple(truth))


def _leaf(concept: Concept, rng: random.Random) -> dict[str, Any]:
    kinds = {"money": "number", "number": "number", "percent": "number", "boolean": "boolean"}
    leaf: dict[str, Any] = {"type": kinds.get(concept.kind, "string")}
    if concept.kind in ("date", "time", "email"):
        leaf["format"] = concept.kind
    elif concept.kind in ("iban", "vat", "phone"):
        leaf["x-kind"] = concept.kind
    known, _ = wordings("en").get(concept.name, ((), ()))
    if known and rng.random() < TITLED:
        leaf["title"] = rng.choice(known)
    return leaf
