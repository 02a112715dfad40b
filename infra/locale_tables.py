"""Write what the readers of values need of Unicode CLDR, from PyPI's babel, as one small file.

    python -m infra.locale_tables

babel unpacks to 33 MB and reads one language in 100 ms, of which a document may need several; the
table has the months, separators and currencies of all its languages in less than half a megabyte.

Unicode CLDR, https://cldr.unicode.org, Unicode-3.0; babel, BSD-3-Clause. Of price-parser,
BSD-3-Clause, come the signs of currencies that shops write and CLDR does not have, and of
dateparser, BSD-3-Clause, more forms of the names of months.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).resolve().parent.parent

TABLE = _PROJECT / "chalicelib/extraction/values/locale_table.json"
_COMMON_PERCENT = 40
"""The part of a territory's people who speak a language that is one of its own."""
_MOST_OF_ONE_NOUN = 30
"""The most currencies that share a noun; a word of more is an article or a preposition."""
_MONTH_KEYS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WORD = re.compile(r"[^\W\d_]+")
_JOIN = re.compile(r"\{[01]\}")


def main() -> None:
    """Write the table of the installed babel."""
    TABLE.write_text(written(), encoding="utf-8")


def written() -> str:
    """Return the table as JSON, one entry a line so that changes can be read."""
    from babel import Locale, localedata

    names = sorted(localedata.locale_identifiers())
    locales = {name: Locale.parse(name) for name in names}
    languages = {name: each for name, each in locales.items() if not each.territory}
    table = {
        "months": _months(locales),
        "fillers": _fillers(languages),
        "day_periods": _day_periods(languages),
        "decimal_marks": _by_language(locales, _decimal_mark),
        "date_orders": _by_language(locales, _date_order),
        "currency_codes": _codes(),
        "currency_signs": _currency_signs(locales),
        "currency_names": _currency_names(languages),
        "currencies": _territory_currencies(),
        "territories": _territories(),
        "list_joins": _list_joins(languages),
    }
    parts = [f'"{name}": {_lines(part)}' for name, part in table.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(part: Any) -> str:
    if isinstance(part, list):
        return json.dumps(part, ensure_ascii=False)
    entries = [
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(part[name], ensure_ascii=False)}"
        for name in sorted(part)
    ]
    return "{\n" + ",\n".join(entries) + "\n}"


def normal(word: str) -> str:
    """Return a word as it is looked up: no case, no accents of presentation, no full stop."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", word).casefold()).strip(". ")


def _months(locales: dict[str, Any]) -> dict[str, Any]:
    """Return each name of a month: its number, or by language where these differ."""
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, locale in locales.items():
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for month, word in locale.months[form][width].items():
                    for part in _month_words(word):
                        found[part][month].add(name.split("_")[0])
    for name, month, word in _spoken_months():
        for part in _month_words(word):
            found[part][month].add(name)
    days = _weekdays(locales)
    return {
        word: _unanimous(months)
        for word, months in found.items()
        if days[word] <= len({name for names in months.values() for name in names})
    }


def _spoken_months() -> Iterator[tuple[str, int, str]]:
    """Yield language, month and name as dateparser has them: more forms and older names."""
    from importlib import import_module

    from dateparser.data.languages_info import language_order

    for language in language_order:
        info = import_module(f"dateparser.data.date_translation_data.{language}").info
        for month, key in enumerate(_MONTH_KEYS, 1):
            for word in info.get(key, ()):
                yield language.split("-")[0], month, word


def _weekdays(locales: dict[str, Any]) -> Counter[str]:
    """Return the names of weekdays, by how many languages have them: `sun` is no month."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, locale in locales.items():
        for width in ("wide", "abbreviated"):
            for word in locale.days["format"][width].values():
                found[normal(word)].add(name.split("_")[0])
    return Counter({word: len(names) for word, names in found.items()})


def _month_words(word: str) -> Iterator[str]:
    """Yield a month's name as one word; names with digits are read by their digits."""
    plain = normal(word)
    if len(plain) > 1 and not any(letter.isdigit() for letter in plain):
        yield plain
        if len(plain.split()) > 1:
            yield plain.replace(" ", "")


def _unanimous(months: dict[int, set[str]]) -> Any:
    if len(months) == 1:
        return next(iter(months))
    return dict(sorted((language, month) for month, names in months.items() for language in names))


def _fillers(languages: dict[str, Any]) -> list[str]:
    """Return the words that stand within the dates of languages: `de`, `tháng`."""
    words: set[str] = set()
    for locale in languages.values():
        for width in ("short", "medium", "long", "full"):
            pattern = str(locale.date_formats[width].pattern)
            literals = " ".join(re.findall(r"'([^']*)'", pattern))
            bare = re.sub(r"'[^']*'", " ", pattern)
            literals += " " + re.sub(r"[A-Za-z]+", " ", bare)
            words |= {normal(word) for word in _WORD.findall(literals)}
    return sorted(word for word in words if word)


def _day_periods(languages: dict[str, Any]) -> dict[str, int]:
    """Return the words for the halves of a day: 0 before noon, 1 after."""
    found: dict[str, set[int]] = defaultdict(set)
    for locale in languages.values():
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                periods = locale.day_periods.get(form, {}).get(width, {})
                for half, name in enumerate(("am", "pm")):
                    if name in periods:
                        found[normal(periods[name]).replace(".", "").replace(" ", "")].add(half)
    return {word: min(halves) for word, halves in found.items() if len(halves) == 1 and word}


def _list_joins(languages: dict[str, Any]) -> dict[str, str]:
    """Return the word that joins the last two of a list, such as “and”, by language."""
    found = {
        name: _JOIN.sub("", locale.list_patterns["standard"]["end"]).strip(" ,،、")
        for name, locale in languages.items()
    }
    return {name: word.casefold() for name, word in sorted(found.items()) if word}


def _by_language(locales: dict[str, Any], read: Any) -> dict[str, Any]:
    """Return a property of each language, and of the territories that differ from it."""
    found: dict[str, Any] = {}
    for name, locale in locales.items():
        if not locale.territory and not locale.script:
            found[name] = read(locale)
    for locale in locales.values():
        if locale.territory and not locale.variant:
            value, own = read(locale), f"{locale.language}_{locale.territory}"
            if value != found.get(locale.language) and own not in found:
                found[own] = value
    return found


def _decimal_mark(locale: Any) -> str:
    systems = locale.number_symbols
    return str(systems.get("latn", next(iter(systems.values()), {})).get("decimal", "."))


def _date_order(locale: Any) -> str:
    pattern = re.sub(r"'[^']*'", "", str(locale.date_formats["short"].pattern)).lower()
    order = "".join(dict.fromkeys(re.findall(r"[dmyl]", pattern.replace("l", "m"))))
    return order if sorted(order) == ["d", "m", "y"] else "dmy"


def _codes() -> list[str]:
    """Return the codes of currencies in use: of those of the past many are words, such as BAN."""
    return sorted(_current())


@functools.cache
def _current() -> Counter[str]:
    """Return the currencies in use, by the number of territories."""
    from babel.core import get_global

    uses: Counter[str] = Counter()
    for entries in get_global("territory_currencies").values():
        for code, _start, end, tender in entries:
            if end is None and tender:
                uses[code] += 1
    return uses


@functools.cache
def _territory_currencies() -> dict[str, str]:
    """Return the currency that each territory uses today."""
    from babel.core import get_global

    found = {}
    for territory, entries in get_global("territory_currencies").items():
        current = [code for code, _start, end, tender in entries if end is None and tender]
        if len(territory) == 2 and current:
            found[territory] = current[0]
    return found


def _currency_signs(locales: dict[str, Any]) -> dict[str, Any]:
    """Return each sign: its code, or a code by language or locale where these differ."""
    current = _current()
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, locale in locales.items():
        for code, sign in locale.currency_symbols.items():
            plain = unicodedata.normalize("NFKC", sign).strip(" .\u200f\u200e\u061c")
            is_letter = len(plain) == 1 and plain.isascii() and plain.isalpha()
            if code in current and plain != code and 0 < len(plain) <= 6 and not is_letter:
                found[plain][code].add(name)
    signs: dict[str, Any] = {}
    for sign, codes in found.items():
        if len(codes) == 1:
            signs[sign] = next(iter(codes))
            continue
        counts = {code: len(names) for code, names in codes.items()}
        most = max(counts, key=lambda code: (counts[code], current[code], code))
        signs[sign] = {"": most, **_other_readings(codes, most)}
    own = {_own_currency(name) for name in locales}
    for code, names in sorted(_shop_signs().items(), key=lambda entry: entry[0] not in own):
        for name in names:
            signs.setdefault(name, code)
    return signs


def _shop_signs() -> dict[str, list[str]]:
    """Return what shops write for the currencies in use."""
    from price_parser._currencies import CURRENCIES

    current = _current()
    return {
        code: [
            plain
            for name in (entry.get("s", ""), entry.get("sn", ""), *entry.get("sn2", ()))
            if (plain := unicodedata.normalize("NFKC", name).strip(" .\u200f\u200e\u061c"))
            and plain not in CURRENCIES
            and (len(plain) > 1 or not plain.isascii())
        ]
        for code, entry in CURRENCIES.items()
        if code in current
    }


def _other_readings(codes: dict[str, set[str]], most: str) -> dict[str, str]:
    readings = {}
    for code, names in sorted(codes.items()):
        for name in names - codes[most]:
            parts = name.split("_")
            key = parts[0] if len(parts) == 1 else f"{parts[0]}_{parts[-1]}"
            readings[key] = code
    return dict(sorted(readings.items()))


def _currency_names(languages: dict[str, Any]) -> dict[str, Any]:
    """Return names of currencies: the code, or the code by language where these differ.

    They are names of one word, and the nouns that several names of a language begin or end with:
    `dólares`, of which each country has its own.
    """
    current = _current()
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, locale in languages.items():
        words: dict[str, set[str]] = defaultdict(set)
        for code in current:
            for written in _names_of(locale, code):
                parts = normal(written).split()
                if len(parts) == 1:
                    found[parts[0]][code].add(name)
                for part in {*parts[:1], *parts[-1:]} if parts else ():
                    words[part].add(code)
        own = _own_currency(name)
        for word, codes in words.items():
            if own in codes and 1 < len(codes) <= _MOST_OF_ONE_NOUN:
                found[word][own].add(name)
    return {
        word: _name_entry(codes)
        for word, codes in found.items()
        if _WORD.fullmatch(word) and len(word) > 2
    }


def _names_of(locale: Any, code: str) -> Iterable[str]:
    return [
        locale.currencies.get(code, ""),
        *locale._data["currency_names_plural"].get(code, {}).values(),
    ]


def _territories() -> dict[str, list[str]]:
    """Return where a language is official and that of many: where most live, then the others."""
    from babel.core import get_global

    found: dict[str, list[str]] = defaultdict(list)
    for territory, languages in sorted(get_global("territory_languages").items()):
        for language, use in languages.items():
            is_common = use["population_percent"] >= _COMMON_PERCENT
            if use["official_status"] and is_common and len(territory) == 2:
                found[language.split("_")[0]].append(territory)
    for language, territories in found.items():
        likely = str(get_global("likely_subtags").get(language, "")).rpartition("_")[2]
        if likely in territories:
            territories.insert(0, territories.pop(territories.index(likely)))
    return dict(found)


def _own_currency(language: str) -> str:
    """Return the currency of the country where most speakers of a language live."""
    from babel.core import get_global

    likely = str(get_global("likely_subtags").get(language, ""))
    return _territory_currencies().get(likely.rpartition("_")[2], "")


def _name_entry(codes: dict[str, set[str]]) -> Any:
    if len(codes) == 1:
        return next(iter(codes))
    current = _current()
    most = max(codes, key=lambda code: (len(codes[code]), current[code], code))
    return {"": most, **_other_readings(codes, most)}


if __name__ == "__main__":
    main()
