"""The check of a GGUF by llama.cpp: tokens and likelihoods of texts, beside the network's.

    python -m models.gguf_check FOLDER

    FOLDER/model.gguf, probe.json   what models.merged_model left

It needs xllamacpp, which the local cloud answers by. It prints a line of JSON and ends with 1 if
the file says something else than the network.
"""

from __future__ import annotations

import json
import math
import secrets
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from models.gguf_probe import GGUF_FILE, PROBE_FILE, Probe, probed_places

TOLERANCES: Final[Mapping[str, float]] = {"f16": 0.01, "q8_0": 0.05}
"""By how much the mean loss of a token may differ, in nats: 0.01 is 1 % of the perplexity."""
_TIMEOUT_S = 60
_CONTEXT = 256
_WHOLE_VOCABULARY = 1_000_000


@dataclass(frozen=True, slots=True)
class GgufFindings:
    """What llama.cpp made of a file: texts of other tokens, and perplexity beside the network's."""

    other_tokens: Sequence[str]
    perplexity: float
    network_perplexity: float
    tolerance: float

    @property
    def problem(self) -> str | None:
        """Return what is wrong with the file, or None."""
        if self.other_tokens:
            return f"llama.cpp splits {self.other_tokens[0]!r} into other tokens"
        if not abs(math.log(self.perplexity / self.network_perplexity)) <= self.tolerance:
            return (
                f"its perplexity is {self.perplexity:.4g}, and the network's "
                f"{self.network_perplexity:.4g}"
            )
        return None


class LlamaServer:
    """llama.cpp with one model, asked through its port of this machine."""

    def __init__(self, path: Path) -> None:
        """Load the model."""
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = _CONTEXT
        params.n_parallel = 1
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.warmup = False
        params.ui = False
        self._key = secrets.token_hex(16)
        params.api_keys = [self._key]
        self._server = xllamacpp.Server(params)

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text, without those that begin or end one."""
        answer = self._post("tokenize", {"content": text, "add_special": False})
        return [int(token) for token in answer["tokens"]]

    def loss(self, before: Sequence[int], token: int) -> float | None:
        """Return how unlikely a token is after others, in nats.

        None is returned where the likeliest token is a part of a character: llama.cpp tells
        likelihoods with a text alone.
        """
        answer = self._post(
            "completion",
            {
                "prompt": list(before),
                "n_predict": 1,
                "n_probs": _WHOLE_VOCABULARY,
                "temperature": 0,
                "cache_prompt": True,
            },
        )
        for step in answer.get("completion_probabilities", ()):
            told = {each["id"]: float(each["logprob"]) for each in step["top_logprobs"]}
            return -told[token]
        return None

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is the library's own
            f"{self._server.listening_address}/{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return json.load(answer)


def check_gguf(path: Path, probe: Probe) -> GgufFindings:
    """Return how llama.cpp reads the texts of a probe by the model of a file."""
    server, tolerance = LlamaServer(path), TOLERANCES[probe.encoding]
    other = [
        text
        for text, tokens in zip(probe.texts, probe.tokens, strict=True)
        if server.tokens(text) != list(tokens)
    ]
    if other:
        return GgufFindings(other, math.nan, math.nan, tolerance)
    pairs = list(_losses(server, probe))
    own, network = (math.exp(sum(each) / len(pairs)) for each in zip(*pairs, strict=True))
    return GgufFindings((), own, network, tolerance)


def _losses(server: LlamaServer, probe: Probe) -> Iterator[tuple[float, float]]:
    """Yield the loss of each compared token by llama.cpp, and by the network."""
    for tokens, losses in zip(probe.tokens, probe.losses, strict=True):
        for place, network in zip(probed_places(tokens), losses, strict=True):
            own = server.loss(tokens[:place], tokens[place])
            if own is not None:
                yield own, network


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a file; print what was found, or what is wrong."""
    (folder,) = map(Path, arguments if arguments is not None else sys.argv[1:])
    probe = Probe(**json.loads((folder / PROBE_FILE).read_text(encoding="utf-8")))
    found = check_gguf(folder / GGUF_FILE, probe)
    if found.problem is not None:
        sys.stderr.write(f"{found.problem}\n")
        return 1
    sys.stdout.write(f"{json.dumps(asdict(found))}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
