"""Queries with the passages that answer them, as a channel, for embedders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.failures import BadData
from models.training_data.channel import read_channel
from models.training_data.row_groups import RowGroups, key_groups
from models.training_data.rows import TextPair

LEAST_PASSAGES = 10
"""Different passages of a channel: among fewer, whatever is found is no news."""


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """Queries, each once, with the numbers of the passages that answer it.

    `trained` are passages that a training row has of the same query: they count neither as answers
    nor as anything else, so that what was learned by heart gains nothing. `groups` has the number
    of each query's group: those of one group of the data are one observation.
    """

    queries: Sequence[str]
    answers: Sequence[frozenset[int]]
    trained: Sequence[frozenset[int]]
    groups: RowGroups


@dataclass(frozen=True, slots=True)
class TextPairs:
    """A channel. `passages` are all that there are, of every part, each once.

    A query of the test is to find its own among all of them, as it would in an index.
    """

    passages: Sequence[str]
    train: Sequence[TextPair]
    validation: Sequence[TextPair]
    test: Sequence[TextPair]

    @property
    def numbers(self) -> Mapping[str, int]:
        """Return the number of each passage."""
        return {text: at for at, text in enumerate(self.passages)}

    def judged(self) -> JudgedQueries:
        """Return the queries of the test that have a passage of no training row of theirs."""
        numbers = self.numbers
        answers: dict[str, set[int]] = {}
        trained: dict[str, set[int]] = {}
        named: dict[str, set[str]] = {}
        for pair in self.test:
            named.setdefault(pair.query, set()).update([pair.group] if pair.group else [])
        for found, pairs in ((answers, self.test), (trained, self.train)):
            for pair in pairs:
                found.setdefault(pair.query, set()).add(numbers[pair.passage])
        left = {query: own - trained.get(query, set()) for query, own in answers.items()}
        queries = [query for query, own in left.items() if own]
        return JudgedQueries(
            queries,
            [frozenset(left[query]) for query in queries],
            [frozenset(trained.get(query, ())) for query in queries],
            key_groups([named[query] for query in queries]),
        )

    def for_trial(self) -> TextPairs:
        """Return the channel with the validation rows in place of the test's."""
        if not self.validation:
            raise BadData("There are no validation rows to try settings on.")
        return TextPairs(self.passages, self.train, (), self.validation)


def read(folder: Path) -> TextPairs:
    """Read a channel.

    Raises:
        BadData: a row is broken, there are too few passages, or every query of the test was trained
            on with the same passages.
    """
    channel = read_channel(folder, TextPair)
    every = (*channel.train, *channel.validation, *channel.test)
    passages = [*dict.fromkeys(_passages(every))]
    if len(passages) < LEAST_PASSAGES:
        raise BadData(
            f"The channel has {len(passages)} different passages, and {LEAST_PASSAGES} are the "
            "least: among so few, a question finds its own by chance."
        )
    found = TextPairs(passages, channel.train, channel.validation, channel.test)
    if not found.judged().queries:
        raise BadData(
            "test.jsonl has no pair that train.jsonl has not: nothing could be judged. Split the "
            "rows anew."
        )
    return found


def _passages(pairs: Iterable[TextPair]) -> Iterable[str]:
    for pair in pairs:
        yield pair.passage
        if pair.negative is not None:
            yield pair.negative
