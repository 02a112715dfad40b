"""Swaps of a suite: its cases are asked once more with one group in the place of another."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import HttpInput

MAX_SWAPS = 3
MAX_PAIRS = 500

SwapName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.:-]{0,62}$")]
Term = Annotated[str, Field(pattern=r"^\w(?:.{0,98}\w)?$")]
WordList = Literal["gender", "us_names"]


class GroupSwap(HttpInput):
    """The words of two groups, each pair first of the first group and then of the second.

    `words` is one of our lists of English, for `women` and `men` or for `black` and `white`;
    `pairs` are further ones. A word of a list that begins with a capital is a name, and stands for
    itself with a capital only.
    """

    name: SwapName
    words: WordList | None = None
    groups: tuple[SwapName, SwapName] | None = None
    pairs: Annotated[tuple[tuple[Term, Term], ...], Field(max_length=MAX_PAIRS)] = ()

    @model_validator(mode="after")
    def _swaps_something(self) -> Self:
        if self.words is None and not self.pairs:
            raise PydanticCustomError(
                "swap", "swap {name} has no words: give words or pairs", {"name": self.name}
            )
        if self.words is None and self.groups is None:
            raise PydanticCustomError(
                "groups",
                "swap {name} has pairs of unnamed groups: give groups, two names",
                {"name": self.name},
            )
        if self.words is not None and self.groups is not None:
            raise PydanticCustomError(
                "groups",
                "swap {name}: the groups are those of its words; leave groups out",
                {"name": self.name},
            )
        folded = [each.casefold() for pair in self.pairs for each in pair]
        twice = sorted({each for each in folded if folded.count(each) > 1})
        if twice:
            raise PydanticCustomError(
                "pairs",
                "swap {name}: {word} stands in the pairs twice, so that there is no way back",
                {"name": self.name, "word": twice[0]},
            )
        return self
