"""Learning what texts are, from names and addresses of many locales, and what names ask for.

Names, companies, addresses and occupations are Faker's, of locales of which none is a test's.
Labels are those of business software (`translations.py`), goods and sentences the training's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from faker import Faker
from numpy.typing import NDArray

from chalicelib.extraction.label_subwords import SubwordVectors
from chalicelib.extraction.text_kinds import KINDS, TextKinds, text_groups
from models.datasets.business_documents.addresses import address_words
from models.datasets.business_documents.wordings import goods, phrases
from models.field_ranker.wordings import LANGUAGES

Array = NDArray[np.float32]

LOCALES = (
    *("en_US", "en_GB", "en_AU", "en_CA", "de_DE", "de_AT", "fr_FR", "fr_BE", "es_ES", "es_AR"),
    *("es_CO", "it_IT", "nl_NL", "nl_BE", "pt_BR", "da_DK", "no_NO", "fi_FI", "pl_PL", "cs_CZ"),
)
EACH = 110
"""Texts of a kind of one locale."""
HASHES = 1 << 13
STEPS, BATCH, RATE = 900, 256, 0.6
NAME_STEPS, NAME_RATE, NAME_DECAY = 400, 2.0, 3e-4
_LARGEST = 127
_TINY = 1e-6
_ASKED: Mapping[str, tuple[str, ...]] = {
    "person": ("last_name", "first_name", "cashier", "account_holder"),
    "company": (
        *("seller_name", "buyer_name", "bank_name", "employer", "merchant", "party_a", "party_b"),
        "account_holder",
    ),
    "address": ("seller_address", "buyer_address"),
    "street": ("street",),
    "city": ("city", "birth_place", "place"),
    "country": ("nationality",),
    "occupation": ("occupation",),
    "product": ("description", "milestone"),
    "sentence": ("payment_terms", "notice_period", "details", "payment_method"),
    "code": (
        *("invoice_number", "order_number", "customer_number", "seller_bic", "sku", "bic"),
        *("account_number", "statement_number", "reference", "postcode", "identity_number"),
        *("receipt_number", "card_number", "contract_number", "seller_vat", "buyer_vat", "iban"),
        "seller_iban",
    ),
    "number": ("total", "subtotal", "tax_rate", "quantity", "balance", "fee", "monthly_income"),
    "date": ("invoice_date", "due_date", "birth_date", "period_start", "end_date", "start_date"),
    "contact": ("phone", "email", "seller_phone", "seller_email"),
}
"""Concepts that ask for a kind of text."""


def kind_texts(seed: int, catalogue: Sequence[str]) -> list[tuple[str, int]]:
    """Return texts with the numbers of their kinds; `catalogue` are labels."""
    rng = random.Random(seed)  # noqa: S311 - the same each time
    found = [
        (text, KINDS.index(kind))
        for code in LOCALES
        for kind, text in _of_locale(Faker(code, use_weighting=False), rng)
    ]
    for language in LANGUAGES:
        sold = goods(language)
        found += [(rng.choice(sold), KINDS.index("product")) for _ in range(3 * EACH)]
        said = [text for texts in phrases(language).values() for text in texts]
        found += [(rng.choice(said), KINDS.index("sentence")) for _ in range(2 * EACH)]
    for text in rng.sample(list(catalogue), min(len(catalogue), 7_000)):
        found.append((text, KINDS.index("label")))
    rng.shuffle(found)
    return found


def _of_locale(source: Faker, rng: random.Random) -> list[tuple[str, str]]:
    source.seed_instance(rng.getrandbits(32))
    makers: Mapping[str, Sequence[Callable[[], str]]] = {
        "person": (
            source.name,
            lambda: f"{source.first_name()} {source.last_name()}",
            source.first_name,
            source.last_name,
        ),
        "company": (source.company, source.company, source.company),
        "address": (
            source.address,
            lambda: source.address().replace("\n", ", "),
            lambda: f"{source.street_address()}\n{source.postcode()} {source.city()}",
        ),
        "street": (source.street_address, source.street_address, *_boxes(source, rng)),
        "city": (source.city, source.city),
        "postal city": (
            lambda: f"{source.postcode()} {source.city()}",
            lambda: f"{source.city()} {source.postcode()}",
        ),
        "country": (source.country,),
        "occupation": (source.job,),
        "code": (
            source.postcode,
            lambda: source.bothify(
                rng.choice(("??-####", "######", "####/##", "?#######"))
            ).upper(),
            lambda: source.bothify(rng.choice(("########", "##.###", "???####?", "#-###"))).upper(),
        ),
        "number": (
            lambda: f"{rng.randrange(1, 9_999)}{rng.choice('.,')}{rng.randrange(100):02d}",
            lambda: f"{rng.randrange(1, 99)} %",
            lambda: (
                f"{rng.choice(('EUR', '$', '£'))} {rng.randrange(1, 999)}.{rng.randrange(100):02d}"
            ),
        ),
        "date": (
            lambda: source.date(rng.choice(("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%y"))),
            lambda: source.date(rng.choice(("%d %B %Y", "%B %d, %Y", "%d-%b-%Y"))),
        ),
        "contact": (source.phone_number, source.company_email, source.domain_name),
    }
    made = []
    for kind, ways in makers.items():
        for _ in range(EACH):
            text = rng.choice(ways)()
            made.append((kind, text.upper() if rng.random() < 0.08 else text))
    return made


def _boxes(source: Faker, rng: random.Random) -> list[Callable[[], str]]:
    """Return a maker of boxes of a post office, which stand for a street, where they are known."""
    language = source.locales[0].partition("_")[0]
    if language not in LANGUAGES:
        return []
    words = address_words(language)["box"]
    return [lambda: f"{rng.choice(words)} {rng.randrange(10, 9_999)}"]


def learn_text_kinds(
    texts: Sequence[tuple[str, int]],
    names: Mapping[str, Sequence[str]],
    subwords: SubwordVectors,
    seed: int,
    steps: int = STEPS,
) -> TextKinds:
    """Return weights by which texts and what names ask for are told.

    Args:
        texts: texts with the numbers of their kinds.
        names: what each concept is called.
        subwords: vectors of names.
        seed: of the batches.
        steps: batches to learn from.
    """
    encoded = [np.array(text_groups(text, HASHES), np.int64) for text, _ in texts]
    usable = np.flatnonzero([len(each) > 0 for each in encoded])
    labels = np.array([label for _, label in texts])
    rows = np.zeros((HASHES, len(KINDS)), np.float32)
    squares = np.zeros(HASHES, np.float32)
    bias = np.zeros(len(KINDS), np.float32)
    rng = np.random.default_rng(seed)
    for step in range(steps):
        chosen = usable[rng.integers(0, len(usable), BATCH)]
        parts = [encoded[at] for at in chosen]
        sizes = np.array([len(each) for each in parts])
        flat = np.concatenate(parts)
        begins = np.cumsum([0, *sizes])[:-1]
        weights = (1 / np.sqrt(sizes)).astype(np.float32)
        scores = np.add.reduceat(rows[flat], begins, axis=0) * weights[:, None] + bias
        error = _shares(scores)
        error[np.arange(BATCH), labels[chosen]] -= 1
        error /= BATCH
        rate = RATE * (1 - step / steps)
        bias -= rate * error.sum(axis=0)
        back = np.repeat(error * weights[:, None], sizes, axis=0)
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        slopes = np.add.reduceat(back[order], first, axis=0)
        places = ordered[first]
        squares[places] += (slopes**2).sum(axis=1)
        rows[places] -= rate * slopes / np.sqrt(squares[places] + _TINY)[:, None]
    scale = float(np.abs(rows).max()) / _LARGEST
    wanted, wanted_bias = _learn_names(names, subwords)
    whole = np.round(rows / scale).astype(np.int8)
    return TextKinds(whole, scale, bias, wanted, wanted_bias)


def with_names(
    kinds: TextKinds, names: Mapping[str, Sequence[str]], subwords: SubwordVectors
) -> TextKinds:
    """Return weights that learned what names ask for from these names instead."""
    wanted, wanted_bias = _learn_names(names, subwords)
    return replace(kinds, wanted=wanted, wanted_bias=wanted_bias)


def _learn_names(
    names: Mapping[str, Sequence[str]], subwords: SubwordVectors
) -> tuple[Array, Array]:
    """Return a softmax regression of what names ask for, by their vectors."""
    pairs = [
        (subwords.vector(text), KINDS.index(kind))
        for kind, concepts in _ASKED.items()
        for concept in concepts
        for text in names.get(concept, ())
    ]
    given = np.array([vector for vector, _ in pairs])
    label = np.array([number for _, number in pairs])
    even = 1 / np.bincount(label, minlength=len(KINDS))[label]
    even = (even / even.sum()).astype(np.float32)
    wanted = np.zeros((given.shape[1], len(KINDS)), np.float32)
    bias = np.zeros(len(KINDS), np.float32)
    for _ in range(NAME_STEPS):
        error = _shares(given @ wanted + bias)
        error[np.arange(len(label)), label] -= 1
        error *= even[:, None]
        wanted -= 8 * NAME_RATE * (given.T @ error + NAME_DECAY * wanted)
        bias -= NAME_RATE * error.sum(axis=0)
    return wanted, bias


def _shares(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = raised / raised.sum(axis=1, keepdims=True)
    return shares
