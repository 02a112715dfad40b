"""Entries of the Free On-line Dictionary of Computing, with their names masked.

An entry's paragraphs that only send the reader elsewhere ("See also {…}", "Compare {…}") are what
its editors judge to be related. They are taken out of the text: they are the judgement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.judged_search.dictd import Article

MASK = "this"
_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENDS_ELSEWHERE = re.compile(r"\[?(?:See(?: also)?|Compare(?: with)?|Contrast|Cf)\b[^a-z]*\{?")
_ALSO = re.compile(r"\[?(?:See also|Compare|Contrast|Cf)\b")
_REFERENCE = re.compile(r"\{([^{}]*)\}")
_ADDRESS = re.compile(r"\{[^{}]*https?:[^{}]*\}\.?|https?:\S+")
_FOOT = re.compile(r"^\s*(?:\(\d{4}-\d\d-\d\d\)|\[[^\]]*\]\.?)\s*$")
_SUBJECT = re.compile(r"^(?:1\. )?<[a-z, /-]+> ")


@dataclass(frozen=True, slots=True)
class Entry:
    """A dictionary entry. `name` is the headword as written; `text` does not contain it."""

    id: str
    name: str
    text: str
    related: tuple[str, ...]
    """Headwords that the entry sends to, as the index writes them."""


def entries(found: Iterable[Article]) -> Iterator[Entry]:
    """Yield the entries that have a text."""
    for article in found:
        entry = _entry(article)
        if entry.text:
            yield entry


def _entry(article: Article) -> Entry:
    head, _, body = article.text.partition("\n\n")
    names = [line.strip() for line in head.splitlines() if line.strip()]
    told, related = [], []
    for paragraph in _PARAGRAPHS.split(body):
        flat = " ".join(paragraph.split())
        if _ALSO.match(flat):
            related += [_target(written) for written in _REFERENCE.findall(flat)]
        if flat and not _SENDS_ELSEWHERE.match(flat) and not _FOOT.match(flat):
            told.append(flat)
    text = masked("\n\n".join(told), [*names, *article.headwords])
    return Entry(
        id=article.headwords[0],
        name=names[0] if names else article.headwords[0],
        text=_SUBJECT.sub("", text),
        related=tuple(dict.fromkeys(related)),
    )


def _target(written: str) -> str:
    """Return the headword that a reference leads to: `{reads (reading)}` leads to `reading`."""
    inner = re.fullmatch(r".*\((.*)\)", written)
    return " ".join((inner.group(1) if inner else written).split()).casefold()


def masked(text: str, names: Iterable[str]) -> str:
    """Return `text` without references' braces and addresses, and `this` for each of `names`."""
    plain = _REFERENCE.sub(lambda found: found.group(1), _ADDRESS.sub("", text))
    longest = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    if not longest:
        return plain.strip()
    anywhere = "|".join(map(re.escape, longest))
    return re.sub(rf"(?<!\w)(?:{anywhere})(?:s\b|(?!\w))", MASK, plain, flags=re.I).strip()


def resolved(found: Mapping[str, Entry], aliases: Mapping[str, str], entry: Entry) -> list[str]:
    """Return the ids of the entries among `found` that `entry` sends to, itself left out."""
    targets = (aliases.get(name, "") for name in entry.related)
    return sorted({target for target in targets if target in found and target != entry.id})
