"""A collection to measure retrieval on: documents, questions, and what answers them.

What is committed are the frozen files of `data`: ids of documents, short questions and
judgements. The documents' texts come out of the dictionaries, where these are installed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.judged_search import dictd, foldoc, manpages, python_docs, wordnet

DATA = Path(__file__).resolve().parent / "data"
PACKAGES = {"foldoc": "dict-foldoc", "wordnet": "dict-wn"}
"""The Debian package that each collection is made from, half of whose questions are for tuning."""
HELD_OUT = {"manpages": "manpages manpages-dev", "python-faq": "python3.13-doc"}
"""The packages of collections that were made when tuning had ended: all questions are for tests."""
_DICTIONARIES = {"foldoc": "foldoc", "wordnet": "wn"}

Half = Literal["tune", "test"]


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """A text and, if it has one, its heading."""

    id: str
    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A question, and the gain of each document that answers it; all others have none."""

    id: str
    text: str
    half: Half
    gains: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The committed part of a collection."""

    documents: tuple[str, ...]
    questions: tuple[Judged, ...]


def half_of(key: str) -> Half:
    """Return the half that a question falls into, for ever.

    Not by the hash that questions are chosen by: the least of those are all of one half.
    """
    return "tune" if hashed(f"half of {key}")[0] < "8" else "test"


def hashed(key: str) -> str:
    """Return a hash to order by: an order that has nothing to do with the texts."""
    return hashlib.sha256(key.encode()).hexdigest()


def frozen(name: str, folder: Path = DATA) -> Frozen:
    """Return the committed part of collection `name`."""
    lines = (folder / f"{name}.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines[1:]]
    return Frozen(
        documents=tuple(row["document"] for row in rows if "document" in row),
        questions=tuple(
            Judged(row["question"], row["text"], row["half"], row["gains"])
            for row in rows
            if "question" in row
        ),
    )


def freeze(name: str, about: Mapping[str, str], found: Frozen, folder: Path = DATA) -> Path:
    """Write a collection down; return the file."""
    rows: list[Mapping[str, object]] = [about]
    rows += [{"document": document} for document in found.documents]
    rows += [
        {
            "question": question.id,
            "text": question.text,
            "half": question.half,
            "gains": dict(sorted(question.gains.items())),
        }
        for question in found.questions
    ]
    file = folder / f"{name}.jsonl"
    folder.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file


def installed(name: str) -> bool:
    """Return whether the texts of collection `name` are on this machine."""
    if name in _DICTIONARIES:
        return dictd.installed(_DICTIONARIES[name])
    return manpages.installed() if name == "manpages" else python_docs.installed()


def documents(name: str, ids: Sequence[str]) -> list[JudgedDocument]:
    """Return the documents of collection `name` with these ids, in order.

    Raises:
        FileNotFoundError: the dictionary is not installed.
        KeyError: the package has no such document: it is another version.
    """
    known = _READERS[name]()
    return [known[each] for each in ids]


def _foldoc() -> dict[str, JudgedDocument]:
    found = foldoc.entries(dictd.articles("foldoc"))
    return {entry.id: JudgedDocument(entry.id, entry.text) for entry in found}


def _wordnet() -> dict[str, JudgedDocument]:
    found = (sense for article in dictd.articles("wn") for sense in wordnet.senses(article))
    return {
        sense.id: JudgedDocument(sense.id, sense.text, ", ".join(sense.words))
        for sense in wordnet.distinct(found).values()
    }


def _manpages() -> dict[str, JudgedDocument]:
    return {page.id: JudgedDocument(page.id, page.text) for page in manpages.pages()}


def _python_faq() -> dict[str, JudgedDocument]:
    return {each.id: JudgedDocument(each.id, each.text) for each in python_docs.sections()}


_READERS: Mapping[str, Callable[[], dict[str, JudgedDocument]]] = {
    "foldoc": _foldoc,
    "wordnet": _wordnet,
    "manpages": _manpages,
    "python-faq": _python_faq,
}
