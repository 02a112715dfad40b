"""The facts of an invoice or of a receipt: parties, dates, items and sums that add up."""

from __future__ import annotations

from decimal import Decimal

from models.datasets.business_documents.facts import CENT, DocumentFacts, Row

_RATES = {
    "de": ("19", "7"),
    "fr": ("20", "5.5"),
    "es": ("21", "10"),
    "it": ("22", "10"),
    "nl": ("21", "9"),
    "pt": ("23", "17"),
    "sv": ("25", "12"),
    "en": ("20", "8.25", "10"),
}
_NUMBERS = ("20##-####", "RE-#####", "^####", "@@##/###", "INV-######", "^###.##", "#########")


def fill_invoice(facts: DocumentFacts, rows: int) -> None:
    """Add the facts of an invoice with a number of items."""
    day = facts.day()
    facts.put("invoice_number", facts.number_like(_NUMBERS))
    facts.put("invoice_date", day)
    facts.put("due_date", facts.day(after=day, within=60))
    facts.put("delivery_date", facts.day(after=day, within=14))
    facts.put("order_number", facts.number_like(("PO-#####", "4500######", "@-####", "^#####")))
    facts.put("customer_number", facts.number_like(("^####", "K#####", "C-####", "1######")))
    for side in ("seller", "buyer"):
        facts.put(f"{side}_name", facts.company())
        facts.put(f"{side}_address", facts.address())
        facts.put(f"{side}_vat", facts.vat())
    facts.put("seller_iban", facts.iban())
    facts.put("seller_bic", facts.code("@@@@@@^#@@@"))
    facts.put("seller_phone", facts.phone())
    facts.put("seller_email", facts.email())
    facts.put("payment_terms", facts.phrase("terms"))
    facts.put("currency", facts.style.currency)
    _fill_items(facts, rows)
    _fill_sums(facts)


def _fill_items(facts: DocumentFacts, rows: int) -> None:
    rate = Decimal(facts.rng.choice(_RATES[facts.style.locale.language]))
    facts.put("tax_rate", rate)
    for number in range(1, rows + 1):
        facts.rows.append(_item(facts, number, rate))


def _item(facts: DocumentFacts, number: int, rate: Decimal) -> Row:
    quantity = Decimal(facts.rng.choice((1, 1, 2, 3, 5, 8, 10, 12, 24, 100)))
    if facts.rng.random() < 0.1:
        quantity = Decimal(facts.rng.randrange(1, 60)) / 4
    price = facts.money(1, 900)
    found: dict[str, str | int | Decimal] = {
        "position": number,
        "sku": facts.number_like(("^#####", "@@-####", "^##-##")),
        "description": facts.good(),
        "quantity": quantity,
        "unit": facts.phrase("units"),
        "unit_price": price,
        "line_tax": rate,
        "amount": (quantity * price).quantize(CENT),
    }
    return {concept: facts.fact(concept, value) for concept, value in found.items()}


def _fill_sums(facts: DocumentFacts) -> None:
    rng = facts.rng
    items = sum((Decimal(str(row["amount"].value)) for row in facts.rows), Decimal(0))
    discount = (items * rng.choice((2, 3, 5, 10)) / 100).quantize(CENT)
    shipping = facts.money(4, 60)
    if rng.random() < 0.7:
        discount = Decimal(0)
    else:
        facts.put("discount", discount)
    if rng.random() < 0.7:
        shipping = Decimal(0)
    else:
        facts.put("shipping", shipping)
    net = items - discount + shipping
    tax = (net * Decimal(str(facts.single["tax_rate"].value)) / 100).quantize(CENT)
    facts.put("subtotal", net)
    facts.put("tax_amount", tax)
    facts.put("total", net + tax)
    if rng.random() < 0.2:
        paid = ((net + tax) * rng.choice((10, 20, 30, 50)) / 100).quantize(CENT)
        facts.put("amount_paid", paid)
        facts.put("amount_due", net + tax - paid)


def fill_receipt(facts: DocumentFacts, rows: int) -> None:
    """Add the facts of a till's receipt with a number of items."""
    rng = facts.rng
    facts.put("merchant", facts.company())
    facts.put("seller_address", facts.address())
    facts.put("seller_phone", facts.phone())
    facts.put("seller_vat", facts.vat())
    facts.put("receipt_number", facts.number_like(("######", "##-####", "^###/##")))
    facts.put("date", facts.day())
    clock = f"{rng.randrange(7, 22):02d}:{rng.randrange(60):02d}"
    facts.put("time", clock)
    facts.put("cashier", facts.person())
    facts.put("currency", facts.style.currency)
    _fill_items(facts, rows)
    items = sum((Decimal(str(row["amount"].value)) for row in facts.rows), Decimal(0))
    rate = Decimal(str(facts.single["tax_rate"].value))
    net = (items * 100 / (100 + rate)).quantize(CENT)
    facts.put("subtotal", net)
    facts.put("tax_amount", items - net)
    facts.put("total", items)
    facts.put("payment_method", facts.phrase("payment"))
    if rng.random() < 0.5:
        facts.put("card_number", facts.code("####"))
    else:
        given = Decimal(int(items / 10 + 1) * 10)
        facts.put("cash_given", given)
        facts.put("change", given - items)
