"""The product's embedder in a process of its own, for `benchmarks.embedding`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.lines import serve
from chalicelib.inference.embedder import Embedder


def main(models: Path) -> None:
    """Embed the texts given on standard input until it ends."""
    embedder = Embedder.open(models)
    embedder.embed(["Warm."])

    def embed(request: dict[str, Any]) -> dict[str, Any]:
        wall, core = time.perf_counter(), time.process_time()
        vectors = embedder.embed(request["texts"])
        spent = {"core": time.process_time() - core, "wall": time.perf_counter() - wall}
        return {**spent, "vectors": vectors.tolist() if request["vectors"] else None}

    serve({"versions": {}}, embed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
