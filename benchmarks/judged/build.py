"""Choose documents, questions and judgements: `python -m benchmarks.judged.build`.

Everything is chosen by hashes of ids, so that the same dictionaries give the same collections. It
was run once. Its result is committed and frozen: to run it again with newer dictionaries would
make results that cannot be compared with earlier ones.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from models.judged_search import dictd, foldoc, manpages, python_docs, wordnet
from models.judged_search.collection import Frozen, Judged, freeze, half_of, hashed

DOCUMENTS = 5_000
QUESTIONS = 800
SAME, RELATED = 2, 1
"""Gains: the entry that a name is masked in, and those that its editors send to, or from."""
FEWEST_CHARACTERS = 120
FEWEST_WORDS = 5
FEWEST_PURPOSE = 3
"""Words of what a manual page says it is for."""
FEWEST_SENSES = 3
HELD_OUT_QUESTIONS = 400
HELD_OUT_DOCUMENTS = 1_500

ABOUT = {
    "foldoc": {
        "source": "The Free On-line Dictionary of Computing, http://foldoc.org/, Editor Denis Howe",
        "package": "Debian dict-foldoc 20250211-1",
        "licence": "GFDL-1.1-or-later; headwords and cross-references only, no text",
        "questions": "a headword; its own entry gains 2, entries related by `See also` gain 1",
    },
    "wordnet": {
        "source": "WordNet 3.0, Copyright 2006 by Princeton University, All rights reserved",
        "package": "Debian dict-wn 1:3.0-39",
        "licence": "WordNet 3.0 License, https://wordnet.princeton.edu/license-and-commercial-use",
        "questions": "a sentence in which a word is used; the sense that it illustrates gains 1",
    },
    "manpages": {
        "source": "The Linux man-pages project, https://www.kernel.org/doc/man-pages/",
        "package": "Debian manpages and manpages-dev 6.9.1-1",
        "licence": "as each page says; what pages are for and their names only, no other text",
        "questions": "what a page's first line says it is for; its description gains 1",
    },
    "python-faq": {
        "source": "Python's documentation, Copyright Python Software Foundation",
        "package": "Debian python3.13-doc 3.13.5-2+deb13u5",
        "licence": "PSF-2.0; titles only, no other text",
        "questions": "a question of the FAQ; the text below it gains 1",
    },
}


def from_foldoc() -> Frozen:
    """Return the collection of names and of the entries in which they are masked."""
    articles = list(dictd.articles("foldoc"))
    aliases: dict[str, str] = {}
    for article in articles:
        for headword in article.headwords:
            aliases.setdefault(headword.casefold(), article.headwords[0])
    entries = foldoc.entries(articles)
    by_id = {entry.id: entry for entry in entries if len(entry.text) >= FEWEST_CHARACTERS}
    related: dict[str, set[str]] = defaultdict(set)
    for entry in by_id.values():
        for target in foldoc.resolved(by_id, aliases, entry):
            related[entry.id].add(target)
            related[target].add(entry.id)
    asked = [entry for entry in by_hash(by_id) if entry in related and _can_be_asked(by_id[entry])]
    questions = tuple(
        Judged(
            entry,
            by_id[entry].name,
            half_of(entry),
            dict.fromkeys(sorted(related[entry]), RELATED) | {entry: SAME},
        )
        for entry in asked[:QUESTIONS]
    )
    judged = (each for question in questions for each in question.gains)
    return Frozen(_filled(judged, by_id), questions)


def _can_be_asked(entry: foldoc.Entry) -> bool:
    """Return whether the name is meaningful without its entry: it has a word."""
    return bool(re.search(r"[A-Za-z]{3}", entry.name))


def from_wordnet() -> Frozen:
    """Return the collection of sentences and of the senses that they illustrate."""
    by_word: dict[str, list[str]] = {}
    senses = []
    for article in dictd.articles("wn"):
        own = list(wordnet.senses(article))
        senses += own
        by_word[article.headwords[0]] = [sense.id for sense in own]
    known = wordnet.distinct(senses)
    place = {(frozenset(sense.words), sense.gloss): sense.id for sense in known.values()}
    same = {sense.id: place[frozenset(sense.words), sense.gloss] for sense in senses}
    senses_of_asked: dict[str, None] = {}
    questions: dict[str, Judged] = {}
    for word in by_hash(by_word):
        own_ids = [same[each] for each in by_word[word]]
        if len(own_ids) < FEWEST_SENSES or len(questions) == QUESTIONS:
            continue
        sentence = _sentence(word, [known[each] for each in own_ids])
        if sentence is None or sentence.id in questions:
            continue
        questions[sentence.id] = sentence
        senses_of_asked |= dict.fromkeys(own_ids)
    return Frozen(_filled(senses_of_asked, known), tuple(questions.values()))


def _sentence(word: str, senses: Iterable[wordnet.Sense]) -> Judged | None:
    """Return a sentence that uses `word` in one of its senses, or None if there is none."""
    for sense in sorted(senses, key=lambda sense: hashed(sense.id)):
        for example in sense.examples:
            if len(example.split()) >= FEWEST_WORDS and re.search(
                rf"\b{re.escape(word)}", example, re.I
            ):
                return Judged(sense.id, example, half_of(sense.id), {sense.id: 1})
    return None


def by_hash(keys: Iterable[str]) -> list[str]:
    """Return `keys` in an order unrelated to their meaning."""
    return sorted(keys, key=hashed)


def from_manpages() -> Frozen:
    """Return what pages are for, and the descriptions; all questions are for tests."""
    listed = ["dpkg", "--listfiles", "manpages", "manpages-dev"]
    files = subprocess.run(listed, check=True, capture_output=True, text=True, timeout=60).stdout
    own_files = {Path(line).name.removesuffix(".gz") for line in files.splitlines()}
    pages = {page.id: page for page in manpages.pages() if page.id in own_files}
    sharing = Counter(page.purpose.casefold() for page in pages.values())
    own = [each for each in by_hash(pages) if sharing[pages[each].purpose.casefold()] == 1]
    asked = [each for each in own if len(pages[each].purpose.split()) >= FEWEST_PURPOSE]
    questions = tuple(
        Judged(each, pages[each].purpose, "test", {each: 1}) for each in asked[:HELD_OUT_QUESTIONS]
    )
    return Frozen(tuple(pages), questions)


def from_python_faq() -> Frozen:
    """Return the questions of the FAQ, and their answers among other sections."""
    sections = {each.id: each for each in python_docs.sections()}
    questions = tuple(
        Judged(each.id, each.title, "test", {each.id: 1})
        for each in sections.values()
        if each.is_question
    )
    return Frozen(
        _filled((each.id for each in questions), sections)[:HELD_OUT_DOCUMENTS], questions
    )


def _filled(needed: Iterable[str], found: Mapping[str, object]) -> tuple[str, ...]:
    """Return the `needed` documents, and others up to `DOCUMENTS`."""
    return tuple(dict.fromkeys([*needed, *by_hash(found)]))[:DOCUMENTS]


def main() -> None:
    """Write all collections, or those that are named."""
    builders = {
        "foldoc": from_foldoc,
        "wordnet": from_wordnet,
        "manpages": from_manpages,
        "python-faq": from_python_faq,
    }
    for name in sys.argv[1:] or builders:
        build = builders[name]
        collection = build()
        print(
            freeze(name, ABOUT[name], collection),
            len(collection.documents),
            len(collection.questions),
        )


if __name__ == "__main__":
    main()
