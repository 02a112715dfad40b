"""Text token by token from a decoder that is given as a callable: greedy, or drawn, by a seed.

Keys and values of what was read are kept, so that each step reads one token. A. Vaswani et al.,
https://arxiv.org/abs/1706.03762; nucleus sampling: A. Holtzman et al.,
https://arxiv.org/abs/1904.09751.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure

Tokens = NDArray[np.int64]
Floats = NDArray[np.float32]

_HOTTEST = 2.0
_AXES = 3

Decoder = Callable[[Tokens, Floats, Floats], tuple[Floats, Floats, Floats]]
"""Given tokens [1, length] and the keys and values of those before them, [layers, 1, heads, past,
head_size], returns logits [1, length, vocabulary] and the keys and values of all."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a decoder, as the constants of its manifest have them.

    `end` is the token by which a text ends. So many tokens as `prefix` says go before every prompt:
    they were tuned and come after the vocabulary's. `context` bounds prefix, prompt and text.
    """

    layers: int
    heads: int
    head_size: int
    vocabulary: int
    context: int
    end: int
    prefix: int = 0

    @classmethod
    def of(cls, constants: Mapping[str, object]) -> Shape:
        """Read a manifest's constants. Raises ModelFailure where one is missing or no number."""
        found: dict[str, int] = {}
        for name in (each.name for each in fields(cls)):
            value = constants.get(name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ModelFailure(f"The manifest has {name} as {value!r}, not as a whole number.")
            found[name] = value
        return cls(**found)

    def room(self, prompt: int) -> int:
        """Return how many tokens may follow a prompt of so many."""
        return self.context - self.prefix - prompt

    def nothing(self) -> Floats:
        """Return the keys, or values, of no token."""
        return np.zeros((self.layers, 1, self.heads, 0, self.head_size), np.float32)


@dataclass(frozen=True, slots=True)
class Choice:
    """How tokens are chosen. At temperature 0 it is the likeliest; otherwise one is drawn from
    softmax(logits / temperature), among the fewest whose shares make `top_p`, by `seed`.

    Raises InvalidInput for a number out of its bounds.
    """

    most: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Hold the numbers to their bounds."""
        if self.most < 1:
            raise InvalidInput(f"most is {self.most} and must be 1 at least.", field="most")
        if not 0 <= self.temperature <= _HOTTEST:
            raise InvalidInput(
                f"temperature is {self.temperature:g} and must be from 0 to {_HOTTEST:g}.",
                field="temperature",
            )
        if not 0 < self.top_p <= 1:
            raise InvalidInput(
                f"top_p is {self.top_p:g} and must be above 0 and at most 1.", field="top_p"
            )
        if self.seed < 0:
            raise InvalidInput(f"seed is {self.seed} and must be 0 or more.", field="seed")


def decode(decoder: Decoder, shape: Shape, prompt: Sequence[int], choice: Choice) -> Iterator[int]:
    """Return the tokens that follow a prompt, until the text ends, `choice.most` or the context.

    The token by which a text ends is left out. The same seed gives the same tokens.

    Raises:
        InvalidInput: the prompt is empty, has a token that is none, or fills the context.
        ModelFailure: the decoder gave logits of another shape, or numbers that are none.
    """
    _hold(shape, prompt)
    return _written(decoder, shape, prompt, choice)


def _written(
    decoder: Decoder, shape: Shape, prompt: Sequence[int], choice: Choice
) -> Iterator[int]:
    chance = np.random.default_rng(choice.seed)
    keys = values = shape.nothing()
    given = [*range(shape.vocabulary, shape.vocabulary + shape.prefix), *prompt]
    for _ in range(min(choice.most, shape.room(len(prompt)))):
        logits, keys, values = decoder(np.array([given], np.int64), keys, values)
        token = _chosen(_last(logits, shape), choice, chance)
        if token == shape.end:
            return
        yield token
        given = [token]


def _hold(shape: Shape, prompt: Sequence[int]) -> None:
    if not prompt:
        raise InvalidInput("The prompt has no tokens.", field="prompt")
    wrong = [token for token in prompt if not 0 <= token < shape.vocabulary]
    if wrong:
        raise InvalidInput(
            f"The prompt has the token {wrong[0]}; there are 0 to {shape.vocabulary - 1}.",
            field="prompt",
        )
    taken, most = len(prompt), shape.room(1)
    if taken > most:
        raise InvalidInput(
            f"The prompt has {taken} tokens, and may have {most} at most so that one may follow.",
            field="prompt",
            limit=f"{most} tokens",
        )


def _last(logits: Floats, shape: Shape) -> NDArray[np.float64]:
    if logits.ndim != _AXES or logits.shape[2] != shape.vocabulary or not logits.shape[1]:
        raise ModelFailure(
            f"The decoder gave logits of {logits.shape}, not of a vocabulary of {shape.vocabulary}."
        )
    found = np.asarray(logits[0, -1], np.float64)
    if not np.isfinite(found).all():
        raise ModelFailure("The decoder gave logits that are no numbers.")
    return found


def _chosen(logits: NDArray[np.float64], choice: Choice, chance: np.random.Generator) -> int:
    if choice.temperature == 0:
        return int(logits.argmax())
    shares = probabilities(logits, choice.temperature, choice.top_p)
    # A point of the cumulative shares costs one draw whatever the vocabulary.
    place = int(np.searchsorted(shares.cumsum(), chance.random() * shares.sum(), side="right"))
    return min(place, int(np.flatnonzero(shares)[-1]))


def probabilities(
    logits: NDArray[np.float64], temperature: float, top_p: float
) -> NDArray[np.float64]:
    """Return the shares that tokens are drawn by, [vocabulary], of logits [vocabulary].

    Those beyond the fewest that make `top_p` are nothing; the likeliest always stays.
    """
    with np.errstate(over="ignore"):
        scaled = np.exp((logits - logits.max()) / temperature)
    shares = scaled / scaled.sum()
    if top_p < 1:
        order = np.argsort(-logits, kind="stable")
        before = shares[order].cumsum() - shares[order]
        dropped = order[1:][before[1:] >= top_p]
        shares[dropped] = 0
        shares /= shares.sum()
    return np.asarray(shares)
