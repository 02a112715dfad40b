"""The facts of a bank statement: entries in order of days, and balances that add up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from models.datasets.business_documents.facts import DocumentFacts, Fact


def fill_statement(facts: DocumentFacts, rows: int) -> None:
    """Add the facts of a statement with a number of entries."""
    rng = facts.rng
    begin = facts.day()
    days = rng.choice((29, 30, 89)) if rows < 400 else 364
    facts.put("bank_name", facts.company())
    facts.put("account_holder", facts.person() if rng.random() < 0.6 else facts.company())
    facts.put("iban", facts.iban())
    facts.put("bic", facts.code("@@@@@@^#@@@"))
    facts.put("account_number", facts.number_like(("^#########", "### ### ###", "^####-##")))
    facts.put("statement_number", facts.number_like(("^", "^#", "^##", "#/20##")))
    facts.put("period_start", begin)
    facts.put("period_end", begin + timedelta(days=days))
    facts.put("statement_date", begin + timedelta(days=days + rng.randrange(1, 6)))
    facts.put("currency", facts.style.currency)
    balance = facts.money(50, 20_000) * rng.choice((1, 1, 1, -1))
    facts.put("opening_balance", balance)
    paid = received = Decimal(0)
    for at in range(rows):
        amount = facts.money(1, 3_000)
        is_debit = rng.random() < 0.65
        balance += -amount if is_debit else amount
        paid, received = (paid + amount, received) if is_debit else (paid, received + amount)
        day = begin + timedelta(days=at * days // max(1, rows))
        other = facts.company() if rng.random() < 0.6 else facts.person()
        row: dict[str, Fact] = {}
        for concept, value in (
            ("booking_date", day),
            ("value_date", day + timedelta(days=rng.randrange(3))),
            ("details", f"{facts.phrase('entries')} {other}"),
            ("reference", facts.number_like(("######", "@@####", "^#######"))),
            ("debit" if is_debit else "credit", amount),
            ("entry_amount", -amount if is_debit else amount),
            ("balance", balance),
        ):
            row[concept] = facts.fact(concept, value)
        facts.rows.append(row)
    facts.put("total_debits", paid)
    facts.put("total_credits", received)
    facts.put("closing_balance", balance)
