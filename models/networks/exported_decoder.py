"""The perplexity of an exported decoder, read as the function reads it: by its cache, by steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from chalicelib.contracts.model_manifest import ADAPTER_FILE, PREFIX_FILE
from models.failures import NotFinite, OutOfParity
from models.networks.chat_tokens import ChatTokens

MAX_RATIO = 1.05
"""The most by which the perplexity of the served files may be above the network's."""

_OUTPUTS = ("logits", "keys", "values")


def served_perplexity(
    folder: Path, rows: Sequence[ChatTokens], of_network: float
) -> dict[str, float]:
    """Return the perplexity of last answers by the graph in a folder, and by the network.

    Raises:
        NotFinite: the network's is not finite.
        OutOfParity: the graph's is above the network's by more than a twentieth.
    """
    session = open_session(folder / "decoder.onnx")
    options = onnxruntime.RunOptions()
    adapter = onnxruntime.LoraAdapter()
    if (folder / ADAPTER_FILE).is_file():
        adapter.Load(str(folder / ADAPTER_FILE))
        options.add_active_adapter(adapter)
    start = _start(folder, session)
    losses = [loss for row in rows for loss in _losses(session, options, start, row)]
    return perplexity_numbers(losses, of_network)


def perplexity_numbers(losses: Sequence[float], of_network: float) -> dict[str, float]:
    """Return the perplexity for -log p of tokens by a graph, and its ratio to the network's.

    Raises:
        NotFinite: the network's own is not finite.
        OutOfParity: the graph's is above that by more than a twentieth, or not finite.
    """
    with np.errstate(over="ignore"):  # above some 709 nats it is infinite, and refused
        found = float(np.exp(np.mean(losses)))
    require_close(found, of_network)
    return {"served_perplexity": found, "served_perplexity_ratio": found / of_network}


def require_close(found: float, of_network: float) -> None:
    """Raise OutOfParity if a perplexity is above the network's by more than a twentieth.

    Raises:
        NotFinite: the network's own is not finite, so that nothing can be compared with it.
    """
    if not math.isfinite(of_network):
        raise NotFinite(
            f"The perplexity of held-out answers is {of_network} by the network; train again with "
            "a lower learning_rate or a clip_norm."
        )
    if not found <= of_network * MAX_RATIO:
        raise OutOfParity(
            f"The perplexity of held-out answers is {found:.4g} by the exported graph, and "
            f"{of_network:.4g} by the network: its weights of fewer bits lose too much. Set "
            "weight_bits=32."
        )


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _start(folder: Path, session: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    if (folder / PREFIX_FILE).is_file():
        with np.load(folder / PREFIX_FILE) as archive:
            return {"past_keys": archive["keys"], "past_values": archive["values"]}
    given = {each.name: each.shape for each in session.get_inputs()}
    layers, _, heads, _, size = given["past_keys"]
    empty = np.zeros((layers, 1, heads, 0, size), np.float32)
    return {"past_keys": empty, "past_values": empty}


def _losses(
    session: onnxruntime.InferenceSession,
    options: onnxruntime.RunOptions,
    start: dict[str, np.ndarray],
    row: ChatTokens,
) -> list[float]:
    """Return -log p of each token of the last answer, in nats."""
    tokens, cache, found = row.ids[: row.answer], start, []
    for wanted in row.ids[row.answer :]:
        fed = {"tokens": np.array([tokens], np.int64), **cache}
        logits, keys, values = session.run(list(_OUTPUTS), fed, options)
        last = np.asarray(logits[0, -1], np.float64)
        found.append(float(np.logaddexp.reduce(last) - last[wanted]))
        tokens, cache = (wanted,), {"past_keys": keys, "past_values": values}
    return found
