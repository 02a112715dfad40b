"""Facts that are near each other: a document that has one and lacks the other is asked for both.

A date of delivery is not the date of payment, and a sum without tax is not the total: who asks for
what is not there gets nothing, however like the label of its neighbour is.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from models.datasets.business_documents.designs import DocumentKind
from models.datasets.business_documents.facts import DocumentFacts

NEAR: Mapping[DocumentKind, tuple[tuple[str, ...], ...]] = {
    "invoice": (
        ("invoice_date", "due_date", "delivery_date"),
        ("invoice_number", "order_number", "customer_number"),
        ("subtotal", "total", "tax_amount"),
        ("tax_amount", "tax_rate"),
        ("seller_vat", "buyer_vat"),
        ("buyer_address", "delivery_address"),
        ("discount", "shipping", "amount_paid"),
    ),
    "receipt": (
        ("subtotal", "total", "tax_amount"),
        ("cash_given", "change"),
        ("receipt_number", "card_number"),
        ("tax_amount", "tax_rate"),
        ("date", "time"),
    ),
    "statement": (
        ("statement_date", "period_start", "period_end"),
        ("opening_balance", "closing_balance"),
        ("total_debits", "total_credits"),
        ("statement_number", "iban", "bic"),
        ("bank_name", "account_holder"),
    ),
    "form": (
        ("birth_date", "start_date", "signature_date"),
        ("first_name", "last_name"),
        ("birth_place", "city", "nationality"),
        ("employer", "occupation"),
        ("identity_number", "postcode"),
        ("newsletter", "smoker"),
    ),
    "contract": (
        ("signed_on", "effective_date", "end_date"),
        ("fee", "deposit"),
        ("contract_number", "notice_period"),
    ),
}
"""Concepts of each kind of document whose values and labels are like each other's."""


def drop_near_fact(facts: DocumentFacts, kind: DocumentKind, rng: random.Random) -> list[str]:
    """Take a fact out of a document that has one near it, and return its concept.

    None is taken where no two are near each other. A total stays where an amount that is due could
    be argued to be it.
    """
    kept = ("total",) if "amount_due" in facts.single else ()
    there = [
        [name for name in group if name in facts.single and name not in kept]
        for group in NEAR[kind]
    ]
    groups = [group for group in there if len(group) > 1]
    if not groups:
        return []
    dropped = rng.choice(rng.choice(groups))
    del facts.single[dropped]
    return [dropped]
