"""Rules for national identity, tax and insurance numbers, by form and check digits."""

from __future__ import annotations

import re
from collections.abc import Callable

from chalicelib.screening import checksums
from chalicelib.screening.personal import PERSONAL
from chalicelib.screening.rules import ScreeningRule, digit_pattern

_BEFORE, _AFTER = r"(?<![\w.-])", r"(?![\w-]|\.\d)"


def _rule(
    name: str,
    words: str,
    pattern: str,
    score: float,
    near: str,
    stands: Callable[[str], bool] = bool,
) -> ScreeningRule:
    return ScreeningRule(
        f"personal-data.{name}",
        PERSONAL,
        words,
        digit_pattern(f"{_BEFORE}(?:{pattern}){_AFTER}"),
        score,
        stands,
        re.compile(rf"(?<!\w)(?:{near})(?!\w)", re.IGNORECASE),
        0.95,
    )


RULES: tuple[ScreeningRule, ...] = (
    _rule(
        "us-ssn",
        "a social security number of the United States",
        r"(?!000|666|9\d\d)\d{3}[- ](?!00)\d\d[- ](?!0000)\d{4}",
        0.6,
        r"ssn|social security(?: n\w+)?",
    ),
    _rule(
        "uk-nino",
        "a national insurance number of the United Kingdom",
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
        0.7,
        r"nino|ni(?: n\w+)?|national insurance(?: n\w+)?",
    ),
    _rule(
        "uk-nhs",
        "a number of the National Health Service",
        r"\d{3}[- ]?\d{3}[- ]?\d{4}",
        0.2,
        r"nhs(?: n\w+)?|national health service",
        checksums.uk_nhs,
    ),
    _rule(
        "de-tax-id",
        "a German tax identification number",
        r"\d{2}(?: ?\d{3}){3}",
        0.3,
        r"steuer\w*|idnr|tax id\w*|tin",
        checksums.german_tax,
    ),
    _rule(
        "fr-nir",
        "a French social security number",
        r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d",
        0.85,
        r"nir|n° ?ss|insee|s[eé]curit[eé] sociale|num[eé]ro de s[eé]cu",
        checksums.french_nir,
    ),
    _rule(
        "es-dni",
        "a Spanish identity number",
        r"(?:\d{8}|[XYZ][- ]?\d{7})[- ]?[A-HJ-NP-TV-Z]",
        0.75,
        r"dni|nif|nie",
        checksums.spanish_dni,
    ),
    _rule(
        "it-cf",
        "an Italian tax code",
        r"[A-Z]{6}\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z]",
        0.95,
        r"cf|codice fiscale",
        checksums.italian_cf,
    ),
    _rule(
        "nl-bsn",
        "a Dutch citizen service number",
        r"\d{9}|\d{4}[. ]\d\d[. ]\d{3}",
        0.2,
        r"bsn|burgerservicenummer|sofi\w*",
        checksums.dutch_bsn,
    ),
    _rule(
        "pl-pesel",
        "a Polish PESEL number",
        r"\d{11}",
        0.45,
        r"pesel",
        checksums.polish_pesel,
    ),
    _rule(
        "br-cpf",
        "a Brazilian taxpayer number",
        r"\d{3}\.\d{3}\.\d{3}-\d\d",
        0.9,
        r"cpf",
        checksums.brazilian_cpf,
    ),
    _rule(
        "br-cpf",
        "a Brazilian taxpayer number",
        r"\d{11}",
        0.2,
        r"cpf",
        checksums.brazilian_cpf,
    ),
    _rule(
        "se-personnummer",
        "a Swedish personal identity number",
        r"(?:19|20)?\d{6}[-+]\d{4}",
        0.7,
        r"personnummer|personnr|pnr|samordningsnummer",
        checksums.swedish_personnummer,
    ),
    _rule(
        "fi-hetu",
        "a Finnish personal identity code",
        r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]",
        0.9,
        r"hetu|henkilötunnus|tunnukseni",
        checksums.finnish_hetu,
    ),
    _rule(
        "ch-ahv",
        "a Swiss social security number",
        r"756(?:\.\d{4}\.\d{4}\.\d\d|\d{10})",
        0.95,
        r"ahv\S*|avs|oasi",
        checksums.swiss_ahv,
    ),
    _rule(
        "be-national",
        "a Belgian national register number",
        r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d|\d{11}",
        0.45,
        r"num[eé]ro national|registre national|rijksregister\w*|niss|insz|nrn",
        checksums.belgian_number,
    ),
)
