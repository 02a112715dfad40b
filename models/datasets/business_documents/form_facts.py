"""The facts of a form that a person filled in, and of a contract."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.locales import faker, windows
from models.datasets.business_documents.wordings import phrases

FORM_FIELDS = (
    *("last_name", "first_name", "birth_date", "birth_place", "nationality", "marital_status"),
    *("street", "postcode", "city", "phone", "email", "identity_number", "employer"),
    *("occupation", "monthly_income", "start_date", "newsletter", "smoker", "signature_date"),
)


def fill_form(facts: DocumentFacts) -> None:
    """Add the facts of a form. Which of its boxes stay empty is up to who draws it."""
    source = faker(facts.style.locale, facts.rng)
    facts.put("last_name", source.last_name())
    facts.put("first_name", source.first_name())
    facts.put("birth_date", date(1940, 1, 1) + timedelta(days=facts.rng.randrange(365 * 65)))
    facts.put("birth_place", source.city())
    facts.put("nationality", facts.phrase("nationality"))
    facts.put("marital_status", facts.phrase("marital"))
    facts.put("street", windows(source.street_address().replace("\n", ", ")))
    facts.put("postcode", source.postcode())
    facts.put("city", source.city())
    facts.put("phone", facts.phone())
    facts.put("email", facts.email())
    facts.put("identity_number", facts.number_like(("@#######", "^########", "@@######@")))
    facts.put("employer", facts.company())
    facts.put("occupation", windows(source.job()))
    facts.put("monthly_income", Decimal(facts.rng.randrange(900, 9_000)))
    day = facts.day()
    facts.put("start_date", facts.day(after=day, within=120))
    facts.put("signature_date", day)
    for concept in ("newsletter", "smoker"):
        facts.put(concept, facts.rng.random() < 0.5)
    facts.put("iban", facts.iban())


def marital_options(language: str) -> tuple[str, ...]:
    """Return the civil states that a form offers."""
    return tuple(windows(each) for each in phrases(language)["marital"])


def fill_contract(facts: DocumentFacts, rows: int) -> None:
    """Add the facts of a contract, with a number of payments that it agrees on."""
    rng = facts.rng
    source = faker(facts.style.locale, rng)
    signed = facts.day()
    begin = facts.day(after=signed, within=60)
    facts.put("contract_number", facts.number_like(("V-####", "20##/###", "@@-##-###")))
    for side in ("party_a", "party_b"):
        facts.put(side, facts.company() if rng.random() < 0.7 else facts.person())
    facts.put("signed_on", signed)
    facts.put("effective_date", begin)
    facts.put("end_date", begin + timedelta(days=rng.choice((364, 729, 1094))))
    facts.put("fee", facts.money(300, 20_000))
    facts.put("deposit", facts.money(500, 5_000))
    facts.put("notice_period", facts.phrase("notice"))
    facts.put("place", windows(source.city()))
    facts.put("currency", facts.style.currency)
    day = begin
    for _ in range(rows):
        day = facts.day(after=day, within=60)
        facts.rows.append(
            {
                "milestone": facts.fact("milestone", facts.good()),
                "milestone_date": facts.fact("milestone_date", day),
                "milestone_amount": facts.fact("milestone_amount", facts.money(100, 9_000)),
            }
        )
