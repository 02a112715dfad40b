"""The probe of a GGUF: texts, their tokens, and the losses of the network that it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

GGUF_FILE: Final = "model.gguf"
PROBE_FILE: Final = "probe.json"


@dataclass(frozen=True, slots=True)
class Probe:
    """Texts with their tokens, and the network's losses of those at `probed_places`, in nats."""

    encoding: str
    texts: Sequence[str]
    tokens: Sequence[Sequence[int]]
    losses: Sequence[Sequence[float]]


def probe_texts() -> Sequence[str]:
    """Return texts on which tokenizers of llama.cpp and of Hugging Face differ, if they do."""
    return (
        "The boat leaves at 7:45 on May 3, 2027, and costs 1,250.00 dollars for twelve people.",
        "1. First\n\n2. Second  \n\t- it's what they'd've said, isn't it?\n",
        "Straße, naïve café, 東京 and Москва; ½ + ¼ = 0.75 🙂 👩‍🚀",
        'def add(a: int, b: int) -> int:\n    return a + b  # {"sum": [12, 345]}\n',
    )


def probed_places(tokens: Sequence[int]) -> range:
    """Return which tokens of a text are compared: every third after the first.

    llama.cpp tells likelihoods after one prompt at a time, of its whole vocabulary.
    """
    return range(2, len(tokens), 3)
