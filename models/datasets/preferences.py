"""Short reviews of a made-up inn, with pairs of completions of which one is preferred.

A grammar writes good, bad and mixed reviews. Good is preferred to mixed, mixed to bad, and a whole
review to one that is cut, jumbled or repetitive. Raters err: one pair in fifty is swapped. Prompts
of the test files occur in no other file, and neither do their completions: a text belongs to one of
both parts by its hash.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel
from tokenizers import Tokenizer, models, pre_tokenizers

from models.data.groups import is_held_out_text
from models.data.review_pairs import PAIRS, REVIEWS, SPECIAL, UNKNOWN, Pair, Review
from models.data.text import TOKENIZER
from models.files import write_atomically

OPENINGS = ("the", "our", "honestly the", "i found the", "they said the")
NOUNS = (
    "food", "staff", "room", "view", "music", "service", "coffee", "location", "garden", "bed",
)  # fmt: skip
GOOD = ("great", "lovely", "kind", "perfect", "warm", "good", "wonderful")
BAD = ("awful", "rude", "cold", "dirty", "slow", "bad", "terrible")
STRESSING, TURNING = ("very", "really"), "not"
ERRING = 0.02
"""The share of pairs that raters have the wrong way round."""

TRAINED, HELD_OUT = 6000, 1000
ONE_IN = 5
"""One text in so many may be a completion of the test files, and no other may."""
_MOST_WORDS = 14
_SEED = 0
_MISFITS = ("the", "was", ".")
_LOOSE = (*_MISFITS, "and")


def tokenizer() -> Tokenizer:
    """Return the tokenizer: a token for each word of the grammar."""
    words = sorted(
        {
            *(word for opening in OPENINGS for word in opening.split()),
            *NOUNS, *GOOD, *BAD, *STRESSING, TURNING, *_LOOSE,
        }
    )  # fmt: skip
    ids = {word: at for at, word in enumerate([*SPECIAL, *words])}
    made = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(list(SPECIAL))
    return made


def prompts() -> tuple[list[str], list[str]]:
    """Return the training prompts, and the fifth of all prompts that is held out."""
    every = [
        (at + place, f"{opening} {noun} was")
        for at, opening in enumerate(OPENINGS)
        for place, noun in enumerate(NOUNS)
    ]
    fifth = len(OPENINGS)
    return (
        [prompt for number, prompt in every if number % fifth],
        [prompt for number, prompt in every if not number % fifth],
    )


class ReviewWriter:
    """Writes completions by the grammar, of the texts that are held out or of the others."""

    def __init__(self, chance: random.Random, *, held_out: bool) -> None:
        """Draw from `chance`."""
        self._chance = chance
        self._held_out = held_out

    def own(self, text: str) -> bool:
        """Return whether a completion belongs to this writer's part."""
        return is_held_out_text(text, ONE_IN) == self._held_out

    def completion(self) -> str:
        """Return a random review of this writer's part."""
        return next(text for text in iter(self.any, "") if self.own(text))

    def review(self, good: Sequence[bool]) -> str:
        """Return an opinion for each of `good`, of which there are one or two."""
        pick = self._chance.choice
        if len(good) == 1:
            return f"{self._opinion(good[0])} ."
        return f"{self._opinion(good[0])} and the {pick(NOUNS)} was {self._opinion(good[1])} ."

    def good(self) -> str:
        """Return a good review."""
        return self.review((True,) * self._chance.choice((1, 2, 2)))

    def bad(self) -> str:
        """Return a bad review."""
        return self.review((False,) * self._chance.choice((1, 2, 2)))

    def mixed(self) -> str:
        """Return a review that is good and bad."""
        first = self._chance.random() < 0.5
        return self.review((first, not first))

    def any(self) -> str:
        """Return a random review: two in five are good, as many are bad."""
        return self._chance.choices((self.good, self.bad, self.mixed), (2, 2, 1))[0]()

    def cut(self, text: str) -> str:
        """Return the beginning of a review."""
        words = text.split()
        return " ".join(words[: self._chance.randint(1, len(words) - 1)])

    def jumble(self) -> str:
        """Return random words."""
        return " ".join(self._word() for _ in range(self._chance.randint(1, 10)))

    def marred(self, text: str) -> str:
        """Return a review with words repeated or replaced by misfits."""
        words = text.split()
        for _ in range(self._chance.randint(1, 4)):
            at = self._chance.randrange(len(words))
            if self._chance.random() < 0.4:
                words[at] = self._chance.choice([word for word in _MISFITS if word != words[at]])
            else:
                words[at:at] = [words[at]] * self._chance.randint(1, 5)
        return " ".join(words[:_MOST_WORDS])

    def pair(self, prompt: str) -> Pair:
        """Return a pair as a rater orders it, who errs at times."""
        better, worse = self._ranked()
        while better == worse or not (self.own(better) and self.own(worse)):
            better, worse = self._ranked()
        if self._chance.random() < ERRING:
            better, worse = worse, better
        return Pair(prompt=prompt, chosen=better, rejected=worse)

    def _ranked(self) -> tuple[str, str]:
        kind = self._chance.random()
        if kind < 0.2:
            return self.good(), self.bad()
        if kind < 0.35:
            return self.good(), self.mixed()
        if kind < 0.45:
            return self.mixed(), self.bad()
        whole = self._chance.choice((self.good, self.bad))()
        if kind < 0.65:
            return whole, self.marred(whole)
        return whole, self.cut(whole) if kind < 0.85 else self.jumble()

    def _opinion(self, good: bool) -> str:
        kind = self._chance.random()
        if kind < 0.15:
            return f"{TURNING} {self._chance.choice(BAD if good else GOOD)}"
        word = self._chance.choice(GOOD if good else BAD)
        return f"{self._chance.choice(STRESSING)} {word}" if kind < 0.35 else word

    def _word(self) -> str:
        return self._chance.choice((*GOOD, *BAD, *NOUNS, *STRESSING, TURNING, *_LOOSE))


def prepare(into: Path) -> Path:
    """Write the channel and return its pairs. Equal bytes each time. Raises DiskFull."""
    for part, (chosen, count) in enumerate(zip(prompts(), (TRAINED, HELD_OUT), strict=True)):
        chance = random.Random(f"{_SEED} {part}")  # noqa: S311 - no secret comes of it
        writer = ReviewWriter(chance, held_out=part == 1)
        asked = [chance.choice(chosen) for _ in range(count)]
        reviews = [Review(prompt=each, completion=writer.completion()) for each in asked]
        _write(into / REVIEWS[part], reviews)
        _write(into / PAIRS[part], [writer.pair(each) for each in asked])
    write_atomically(into / TOKENIZER, tokenizer().to_str(pretty=True).encode())
    return into / PAIRS[0]


def _write(path: Path, rows: Iterable[BaseModel]) -> None:
    write_atomically(path, "".join(f"{row.model_dump_json()}\n" for row in rows).encode())
