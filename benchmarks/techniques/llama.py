"""Serves a GGUF file by OpenAI's API on 127.0.0.1, for as long as its input is open.

`python -m benchmarks.techniques.llama FILE` prints the address. Four answers at a time share one
thread; the key-value cache of equal beginnings is kept. It is the server that `headrace models add
--openai` takes.
"""

from __future__ import annotations

import sys

SLOTS, CONTEXT = 4, 8_192


def main() -> None:
    """Serve until the input ends."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx = CONTEXT
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.warmup = False
    params.ui = False
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
