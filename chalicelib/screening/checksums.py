"""Check digits of numbers of people and their accounts; each takes the text as it was written.

Sources are given with each. The tests use the issuers' own examples, or numbers made up by others.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence


def digit_values(text: str) -> list[int]:
    """Return the digits of `text`, in order."""
    return [int(character) for character in text if character.isascii() and character.isdigit()]


def letters_and_digits(text: str) -> str:
    """Return the letters and digits of `text`, in capitals."""
    return re.sub(r"[^0-9A-Za-z]", "", text).upper()


def _weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True))


def luhn(text: str) -> bool:
    """Tell whether the last digit is the check digit of ISO/IEC 7812-1, annex B."""
    digits = digit_values(text)
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(digits) > 1 and any(digits) and (sum(digits[-1::-2]) + doubled) % 10 == 0


def iban(text: str) -> bool:
    """Tell whether the check digits of ISO 13616 are right."""
    plain = letters_and_digits(text)
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def uk_nhs(text: str) -> bool:
    """Tell whether an NHS number is valid: weights 10 to 2, modulo 11.

    https://www.datadictionary.nhs.uk/attributes/nhs_number.html
    """
    digits = digit_values(text)
    check = (11 - _weighted(digits[:9], range(10, 1, -1)) % 11) % 11
    return any(digits) and check == digits[9]


def german_tax(text: str) -> bool:
    """Tell whether a German tax number is valid: ISO 7064 modulo 11,10.

    Of its first ten digits one occurs twice or thrice, and the others once.
    https://download.elster.de/download/schnittstellen/Pruefung_der_Steuer_und_Steueridentifikatsnummer.pdf
    """
    digits = digit_values(text)
    counts = [digits[:10].count(digit) for digit in range(10)]
    product = 10
    for digit in digits[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    repeats = sorted(count for count in counts if count > 1)
    return digits[0] != 0 and repeats in ([2], [3]) and (11 - product) % 10 == digits[10]


def french_nir(text: str) -> bool:
    """Tell whether a French NIR is valid: its key is 97 less the number modulo 97.

    Corsica's 2A and 2B count as 19 and 18. https://xml.insee.fr/schema/nir.html
    """
    plain = letters_and_digits(text).replace("2A", "19", 1).replace("2B", "18", 1)
    return plain.isdigit() and int(plain[13:]) == 97 - int(plain[:13]) % 97


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def spanish_dni(text: str) -> bool:
    """Tell whether a Spanish DNI or NIE is valid: its letter is the number modulo 23.

    X, Y and Z of a foreigner's number stand for 0, 1 and 2.
    https://www.interior.gob.es/opencms/es/servicios-al-ciudadano/tramites-y-gestiones/dni/calculo-del-digito-de-control-del-nif-nie/
    """
    plain = letters_and_digits(text)
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and _DNI[int(number) % 23] == plain[-1]


_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


def italian_cf(text: str) -> bool:
    """Tell whether an Italian tax code is valid, modulo 26 (D.M. 23 December 1976).

    Characters in odd and even places have different values.
    """
    plain = letters_and_digits(text)
    values = [int(c) if c.isdigit() else ord(c) - ord("A") for c in plain[:15]]
    total = sum(_ODD[value] for value in values[::2]) + sum(values[1::2])
    return chr(ord("A") + total % 26) == plain[15]


def dutch_bsn(text: str) -> bool:
    """Tell whether a Dutch BSN is valid: weights 9 to 2 and -1, modulo 11.

    https://www.rvig.nl/bsn
    """
    digits = digit_values(text)
    return any(digits) and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def polish_pesel(text: str) -> bool:
    """Tell whether a PESEL is valid: weights 1, 3, 7, 9, and an existing day.

    The month includes the century. https://www.gov.pl/web/gov/czym-jest-numer-pesel
    """
    digits = digit_values(text)
    check = (10 - _weighted(digits[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10
    month = (digits[2] * 10 + digits[3]) % 20
    return check == digits[10] and _is_day(month, digits[4] * 10 + digits[5])


def brazilian_cpf(text: str) -> bool:
    """Tell whether a CPF is valid: two digits by falling weights modulo 11.

    Eleven equal digits are invalid.
    https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf
    """
    digits = digit_values(text)
    first = _weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return len(set(digits)) > 1 and [first, second] == digits[9:]


def swedish_personnummer(text: str) -> bool:
    """Tell whether a Swedish number is valid: Luhn over ten digits, and an existing day.

    A coordination number adds 60 to the day.
    https://www.skatteverket.se/privat/folkbokforing/personnummer
    """
    digits = digit_values(text)[-10:]
    day = (digits[4] * 10 + digits[5]) % 60
    return luhn("".join(map(str, digits))) and _is_day(digits[2] * 10 + digits[3], day)


_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def finnish_hetu(text: str) -> bool:
    """Tell whether a HETU is valid: a character modulo 31, and an existing day.

    https://dvv.fi/en/personal-identity-code
    """
    digits = digit_values(text[:6] + text[7:10])
    number = int("".join(map(str, digits)))
    there = _is_day(digits[2] * 10 + digits[3], digits[0] * 10 + digits[1])
    return there and _HETU[number % 31] == text[-1].upper()


def swiss_ahv(text: str) -> bool:
    """Tell whether a Swiss number is valid: its check digit is that of EAN-13.

    https://www.zas.admin.ch/en/avs-number
    """
    digits = digit_values(text)
    return (10 - _weighted(digits[:12], (1, 3) * 6) % 10) % 10 == digits[12]


def belgian_number(text: str) -> bool:
    """Tell whether a Belgian number is valid: 97 less the number modulo 97.

    A 2 goes before the number for people born since 2000.
    https://www.ibz.rrn.fgov.be/fr/registre-national/
    """
    digits = "".join(map(str, digit_values(text)))
    check = int(digits[9:])
    return any(97 - int(before + digits[:9]) % 97 == check for before in ("", "2"))


def _is_day(month: int, day: int) -> bool:
    """Tell whether the day exists in a leap year."""
    try:
        dt.date(2000, month, day)
    except ValueError:
        return False
    return True
