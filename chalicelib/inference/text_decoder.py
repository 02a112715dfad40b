"""Token-by-token generation of text from a decoder: greedily, or sampled by a seed.

The decoder is a callable, so that an ONNX session and a torch module are decoded alike. Keys and
values of earlier tokens are cached, so that each step reads one token. A. Vaswani et al.,
https://arxiv.org/abs/1706.03762; nucleus sampling: A. Holtzman et al.,
https://arxiv.org/abs/1904.09751.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure

TokenIds = NDArray[np.int64]
Floats = NDArray[np.float32]

_MAX_TEMPERATURE = 2.0
_LOGIT_AXES = 3
_PAST_AXIS = 3

Decoder = Callable[[TokenIds, Floats, Floats], tuple[Floats, Floats, Floats]]
"""A decoder: takes tokens [1, length] and the keys and values of the tokens before them, each
[layers, 1, heads, past, head_size]; returns logits [1, length, vocabulary] and the keys and values
of all tokens.
"""


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """The sizes of a decoder, as the constants of its manifest give them.

    `heads` are those of keys and values, of which a model can have fewer than of queries. `end` is
    the token that ends a text. `prefix` tuned tokens, numbered after the vocabulary's or given as
    keys and values, go before every prompt. `context` is the maximum of prefix, prompt and text
    together.
    """

    layers: int
    heads: int
    head_size: int
    vocabulary: int
    context: int
    end: int
    prefix: int = 0

    @classmethod
    def of(cls, constants: Mapping[str, object]) -> DecoderShape:
        """Read the sizes from a manifest's constants.

        Raises:
            ModelFailure: a size is missing or is no whole number.
        """
        sizes: dict[str, int] = {}
        for name in (size_field.name for size_field in fields(cls)):
            value = constants.get(name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ModelFailure(f"The manifest has {name} as {value!r}, not as a whole number.")
            sizes[name] = value
        return cls(**sizes)

    def room(self, prompt: int) -> int:
        """Return how many tokens may follow a prompt of `prompt` tokens."""
        return self.context - self.prefix - prompt

    def nothing(self) -> Floats:
        """Return the cache of keys, or values, of zero tokens."""
        return np.zeros((self.layers, 1, self.heads, 0, self.head_size), np.float32)


@dataclass(frozen=True, slots=True)
class TokenSampling:
    """The settings by which the next token is chosen, and the limit of tokens.

    At temperature 0 it is the likeliest token. Otherwise it is drawn from softmax(logits /
    temperature), among the fewest tokens whose probabilities sum to `top_p`, with a generator
    seeded by `seed`.
    """

    most: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise `InvalidInput` if a number is out of its range."""
        if self.most < 1:
            raise InvalidInput(f"most is {self.most} and must be 1 at least.", field="most")
        if not 0 <= self.temperature <= _MAX_TEMPERATURE:
            raise InvalidInput(
                f"temperature is {self.temperature:g} and must be from 0 to {_MAX_TEMPERATURE:g}.",
                field="temperature",
            )
        if not 0 < self.top_p <= 1:
            raise InvalidInput(
                f"top_p is {self.top_p:g} and must be above 0 and at most 1.", field="top_p"
            )
        if self.seed < 0:
            raise InvalidInput(f"seed is {self.seed} and must be 0 or more.", field="seed")


def decode(
    decoder: Decoder,
    shape: DecoderShape,
    prompt: Sequence[int],
    choice: TokenSampling,
    start: tuple[Floats, Floats] | None = None,
) -> Iterator[int]:
    """Return the tokens after a prompt, up to the end token, the limit or the context's end.

    The end token is left out. The same seed gives the same tokens. `start` has the keys and values
    that stand before every prompt, of a tuned prefix.

    Raises:
        InvalidInput: the prompt is empty, has an unknown token, or fills the context.
        ModelFailure: the decoder's logits have another shape, or are not finite.
    """
    _check_prompt(shape, prompt)
    return _generate(decoder, shape, prompt, choice, start or (shape.nothing(), shape.nothing()))


def _generate(
    decoder: Decoder,
    shape: DecoderShape,
    prompt: Sequence[int],
    choice: TokenSampling,
    start: tuple[Floats, Floats],
) -> Iterator[int]:
    """Yield one token after another."""
    rng = np.random.default_rng(choice.seed)
    keys, values = start
    cached = keys.shape[_PAST_AXIS] > 0
    before = () if cached else range(shape.vocabulary, shape.vocabulary + shape.prefix)
    tokens = [*before, *prompt]
    for _ in range(min(choice.most, shape.room(len(prompt)))):
        logits, keys, values = decoder(np.array([tokens], np.int64), keys, values)
        token = _choose_token(_last_logits(logits, shape), choice, rng)
        if token == shape.end:
            return
        yield token
        tokens = [token]


def _check_prompt(shape: DecoderShape, prompt: Sequence[int]) -> None:
    """Raise `InvalidInput` if a prompt cannot be continued."""
    if not prompt:
        raise InvalidInput("The prompt has no tokens.", field="prompt")
    unknown = [token for token in prompt if not 0 <= token < shape.vocabulary]
    if unknown:
        raise InvalidInput(
            f"The prompt has the token {unknown[0]}; there are 0 to {shape.vocabulary - 1}.",
            field="prompt",
        )
    length, max_length = len(prompt), shape.room(1)
    if length > max_length:
        raise InvalidInput(
            f"The prompt has {length} tokens, and may have {max_length} at most so that one may"
            " follow.",
            field="prompt",
            limit=f"{max_length} tokens",
        )


def _last_logits(logits: Floats, shape: DecoderShape) -> NDArray[np.float64]:
    """Return the logits of the last position, [vocabulary]."""
    if logits.ndim != _LOGIT_AXES or logits.shape[2] != shape.vocabulary or not logits.shape[1]:
        raise ModelFailure(
            f"The decoder gave logits of {logits.shape}, not of a vocabulary of {shape.vocabulary}."
        )
    last = np.asarray(logits[0, -1], np.float64)
    if not np.isfinite(last).all():
        raise ModelFailure("The decoder gave logits that are no numbers.")
    return last


def _choose_token(
    logits: NDArray[np.float64], choice: TokenSampling, rng: np.random.Generator
) -> int:
    """Return the likeliest token, or a token drawn at random."""
    if choice.temperature == 0:
        return int(logits.argmax())
    weights = probabilities(logits, choice.temperature, choice.top_p)
    # One uniform draw is enough whatever the size of the vocabulary.
    token = int(np.searchsorted(weights.cumsum(), rng.random() * weights.sum(), side="right"))
    return min(token, int(np.flatnonzero(weights)[-1]))


def probabilities(
    logits: NDArray[np.float64], temperature: float, top_p: float
) -> NDArray[np.float64]:
    """Return the probabilities of the tokens, [vocabulary], from their logits, [vocabulary].

    Tokens beyond the fewest that sum to `top_p` get 0; the likeliest token always stays.
    """
    with np.errstate(over="ignore"):
        scaled = np.exp((logits - logits.max()) / temperature)
    weights = scaled / scaled.sum()
    if top_p < 1:
        order = np.argsort(-logits, kind="stable")
        before = weights[order].cumsum() - weights[order]
        dropped = order[1:][before[1:] >= top_p]
        weights[dropped] = 0
        weights /= weights.sum()
    return np.asarray(weights)
