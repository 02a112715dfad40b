"""Text of a window of sound: token after token, under the rules that Whisper was trained by.

Text stands between times. What repeats itself or is unlikely is decoded again, with more chance
each time; what is unlikely and sounds like no speech is dropped.
https://github.com/openai/whisper/blob/v20240930/whisper/decoding.py; A. Radford et al., section
4.5, https://arxiv.org/abs/2212.04356
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.speech.deadline import NO_DEADLINE, SpeechDeadline
from chalicelib.inference.speech.mel import Floats
from chalicelib.inference.speech.tokens import WhisperTokens
from chalicelib.inference.speech.whisper import DecoderState, WhisperModel

TEMPERATURES = (0.0, 0.4, 0.8)
"""Temperatures of one try each; three bound the time for music that is taken for speech."""
MAX_COMPRESSION = 2.4
"""Bytes of a text for a byte when compressed: more is a loop."""
MIN_LOG_PROBABILITY = -1.0
"""The least mean log-probability of a token; a text below it is decoded again."""
MIN_NO_SPEECH = 0.6
"""Probability of no speech, from which on an unlikely text is none."""
_MAX_INITIAL_TIME = 50
"""Times of 20 ms: text begins in the first second."""
_BLANK = " "

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The tokens of a window, times among them.

    `log_probability` is of a token on average, `compression` the ratio by which the text can be
    compressed, `no_speech` the probability that nobody speaks.
    """

    tokens: tuple[int, ...]
    log_probability: float
    compression: float
    no_speech: float
    temperature: float

    @property
    def is_speech(self) -> bool:
        """Return whether somebody seems to speak."""
        return self.no_speech <= MIN_NO_SPEECH or self.log_probability >= MIN_LOG_PROBABILITY

    @property
    def is_plausible(self) -> bool:
        """Return whether the text neither repeats itself nor is unlikely."""
        return self.compression <= MAX_COMPRESSION and self.log_probability >= MIN_LOG_PROBABILITY


def detect_language(model: WhisperModel, state: DecoderState) -> tuple[str, float]:
    """Return the likeliest language of a window, as ISO 639-1 mostly, and its probability."""
    logits = model.decode(replace(state), [model.tokens.start]).logits[-1]
    languages = model.tokens.languages
    shares = _softmax(logits[list(languages.values())].astype(np.float64))
    best = int(shares.argmax())
    return list(languages)[best], float(shares[best])


def decode(
    model: WhisperModel,
    state: DecoderState,
    marks: Sequence[int],
    prompt: Sequence[int] = (),
    deadline: SpeechDeadline = NO_DEADLINE,
    temperature: float = 0.0,
) -> DecodedText:
    """Return the text of a window, of several tries the first plausible, or else the likeliest.

    Args:
        model: the model that made `state`.
        state: of a decoder that has said nothing; it stays as it is.
        marks: the start, the language and the task.
        prompt: tokens of a text that goes before, in whose style the text is.
        deadline: is checked before each token.
        temperature: of the first try; later ones have those of `TEMPERATURES` that are higher.

    Raises:
        DeadlineExceeded: the window takes too long.
    """
    tried: list[DecodedText] = []
    for tried_at in (temperature, *(each for each in TEMPERATURES if each > temperature)):
        found = _decode_once(model, replace(state), marks, prompt, tried_at, deadline)
        if found.is_plausible or not found.is_speech:
            return found
        tried.append(found)
    kept = [each for each in tried if each.compression <= MAX_COMPRESSION] or tried
    return max(kept, key=lambda each: each.log_probability)


def _decode_once(
    model: WhisperModel,
    state: DecoderState,
    marks: Sequence[int],
    prompt: Sequence[int],
    temperature: float,
    deadline: SpeechDeadline,
) -> DecodedText:
    tokens = model.tokens
    most = model.context // 2
    before = [tokens.previous, *prompt[-(most - 1) :]] if prompt else []
    rng = np.random.default_rng(0)
    rules = TimeRules(tokens, model.suppressed)
    output = model.decode(state, [*before, *marks])
    no_speech = float(_softmax(output.logits[len(before)].astype(np.float64))[tokens.no_speech])
    said: list[int] = []
    likelihood, length = 0.0, 0
    while True:
        deadline.check()
        logits = rules.allowed(output.logits[-1], said)
        shares = _softmax(logits)
        token = int(shares.argmax())
        if temperature:
            token = _drawn(_softmax(logits / temperature), rng)
        likelihood += float(np.log(max(float(shares[token]), np.finfo(np.float64).tiny)))
        length += 1
        if token == tokens.end or len(said) >= most - len(marks):
            break
        said.append(token)
        output = model.decode(state, [token])
    return DecodedText(
        tuple(said),
        likelihood / length,
        compression_ratio(tokens.text(said)),
        no_speech,
        temperature,
    )


def compression_ratio(text: str) -> float:
    """Return the bytes of a text for a byte when compressed."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


class TimeRules:
    """The tokens that may follow others: times come in pairs, around text, and never go back."""

    def __init__(self, tokens: WhisperTokens, suppressed: Sequence[int]) -> None:
        """Use a model's tokens; `suppressed` are never said."""
        self._tokens = tokens
        self._never = np.array([*suppressed, tokens.no_times], np.int64)
        self._blank = np.array([*tokens.ids(_BLANK), tokens.end], np.int64)

    def allowed(self, logits: Floats, said: Sequence[int]) -> Logits:
        """Return the logits of the next token, (vocabulary,), minus infinity where not allowed."""
        allowed: Logits = logits.astype(np.float64)
        first, end = self._tokens.first_time, self._tokens.end
        allowed[self._never] = -np.inf
        if not said:
            allowed[self._blank] = -np.inf
            allowed[:first] = -np.inf
            allowed[first + _MAX_INITIAL_TIME + 1 :] = -np.inf
            return allowed
        after_time = said[-1] >= first
        if after_time and (len(said) == 1 or said[-2] >= first):
            allowed[first:] = -np.inf
        elif after_time:
            allowed[:end] = -np.inf
        times = [token for token in said if token >= first]
        if times:
            again = after_time and not (len(said) == 1 or said[-2] >= first)
            allowed[first : times[-1] + (0 if again else 1)] = -np.inf
        if _sum_of_logs(allowed[first:]) > allowed[:first].max():
            allowed[:first] = -np.inf
        return allowed


def _sum_of_logs(logits: Logits) -> float:
    """Return the logit of any of several tokens."""
    greatest = logits.max()
    if not np.isfinite(greatest):
        return -np.inf
    return float(greatest + np.log(np.exp(logits - greatest).sum()))


def _softmax(logits: Logits) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = raised / raised.sum()
    return shares


def _drawn(shares: NDArray[np.float64], rng: np.random.Generator) -> int:
    drawn = int(np.searchsorted(shares.cumsum(), rng.random(), side="right"))
    return min(drawn, int(np.flatnonzero(shares)[-1]))
