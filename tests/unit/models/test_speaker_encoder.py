from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.session import open_session
from models.pull.speaker_encoder import HIDDEN, LAYERS, MELS, network

Weights = dict[str, NDArray[Any]]


def weights() -> Weights:
    rng = np.random.default_rng(0)
    found: Weights = {}
    for layer in range(LAYERS):
        inward = MELS if layer == 0 else HIDDEN
        sizes = {
            "weight_ih": (4 * HIDDEN, inward),
            "weight_hh": (4 * HIDDEN, HIDDEN),
            "bias_ih": (4 * HIDDEN,),
            "bias_hh": (4 * HIDDEN,),
        }
        for kind, shape in sizes.items():
            found[f"lstm.{kind}_l{layer}"] = rng.normal(0, 0.05, shape).astype(np.float32)
    found["linear.weight"] = rng.normal(0, 0.1, (HIDDEN, HIDDEN)).astype(np.float32)
    found["linear.bias"] = rng.normal(0, 0.1, HIDDEN).astype(np.float32)
    return found


def sigmoid(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-values)))


def plain(mel: NDArray[Any], given: Weights) -> NDArray[Any]:
    """Return the vector of one voice, by torch's definition of an LSTM: gates i, f, g, o.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    """
    inputs = mel
    for layer in range(LAYERS):
        hidden = cell = np.zeros(HIDDEN)
        outputs = []
        for frame in inputs:
            gates = (
                given[f"lstm.weight_ih_l{layer}"] @ frame
                + given[f"lstm.bias_ih_l{layer}"]
                + given[f"lstm.weight_hh_l{layer}"] @ hidden
                + given[f"lstm.bias_hh_l{layer}"]
            )
            into, forget, update, out = np.split(gates, 4)
            cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(update)
            hidden = sigmoid(out) * np.tanh(cell)
            outputs.append(hidden)
        inputs = np.array(outputs)
    raw = np.maximum(given["linear.weight"] @ hidden + given["linear.bias"], 0)
    return np.asarray(raw / np.linalg.norm(raw))


def test_the_graph_is_the_network_that_was_trained() -> None:
    given = weights()
    mels = np.random.default_rng(1).exponential(0.1, (2, 6, MELS)).astype(np.float32)
    (found,) = open_session(network(given).SerializeToString()).run(None, {"mels": mels})
    assert np.allclose(found, [plain(mel, given) for mel in mels], atol=1e-5)
