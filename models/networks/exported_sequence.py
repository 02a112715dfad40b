"""The perplexity of an exported encoder-decoder, read as the function reads it: by its cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from models.networks.decoder import DECODER_GRAPH
from models.networks.exported_decoder import open_session, perplexity_numbers
from models.networks.sequence_tokens import SequenceTokens
from models.networks.tuned_sequence import SequenceSizes
from models.networks.tuned_sequence_export import ENCODER_GRAPH


def served_sequence_perplexity(
    folder: Path, rows: Sequence[SequenceTokens], sizes: SequenceSizes, of_network: float
) -> dict[str, float]:
    """Return the perplexity of targets by the graphs in a folder, and its ratio to the network's.

    Raises:
        NotFinite: the network's is not finite.
        OutOfParity: it is above the network's by more than a twentieth.
    """
    encoder, decoder = (
        open_session(folder / f"{name}.onnx") for name in (ENCODER_GRAPH, DECODER_GRAPH)
    )
    losses = [loss for row in rows for loss in _losses(encoder, decoder, row, sizes)]
    return perplexity_numbers(losses, of_network)


def _losses(
    encoder: onnxruntime.InferenceSession,
    decoder: onnxruntime.InferenceSession,
    row: SequenceTokens,
    sizes: SequenceSizes,
) -> list[float]:
    """Return -log p of each token of the target, in nats."""
    read = encoder.run(["keys", "values"], {"tokens": np.array([row.source], np.int64)})
    source = dict(zip(("source_keys", "source_values"), read, strict=True))
    keys = values = np.zeros((sizes.layers, 1, sizes.heads, 0, sizes.head_size), np.float32)
    given, found = sizes.start, []
    for wanted in row.target:
        fed = {"tokens": np.array([[given]], np.int64), "past_keys": keys, "past_values": values}
        logits, keys, values = decoder.run(["logits", "keys", "values"], {**fed, **source})
        last = np.asarray(logits[0, -1], np.float64)
        found.append(float(np.logaddexp.reduce(last) - last[wanted]))
        given = wanted
    return found
