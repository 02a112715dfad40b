"""The script of the process that runs llama.cpp, which isolates its crashes and its memory.

Arguments: the model's path, the context length and the number of threads. It reads a JSON request
of llama.cpp's chat endpoint per line and writes JSON lines: `{"text"}` for each piece, finally
`{"done"}` or `{"error"}`. It ends at the end of its input.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from typing import Any, TextIO


def open_server(path: str, context: int, threads: int) -> Any:
    """Load the model. No prompt is cached, so that equal requests have equal answers."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = context
    params.n_parallel = 1
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.ctx_shift = False
    params.warmup = False
    params.ui = False
    params.endpoint_slots = False
    # The library also listens on a port of 127.0.0.1; without this key it answers nobody.
    params.api_keys = [secrets.token_hex(16)]
    return xllamacpp.Server(params)


def answer(server: Any, request: dict[str, Any], out: TextIO) -> None:
    """Write the pieces of one answer, and how it ended."""
    end: dict[str, Any] = {}

    def write(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    def on_chunk(chunk: dict[str, Any]) -> bool:
        if "error" in chunk:
            end["error"] = chunk["error"]
            return False
        for choice in chunk["choices"]:
            text = choice["delta"].get("content")
            if text:
                write({"text": text})
        if "__verbose" in chunk:
            end["stop_type"] = chunk["__verbose"]["stop_type"]
        if "usage" in chunk:
            end["tokens_in"] = chunk["usage"]["prompt_tokens"]
            end["tokens_out"] = chunk["usage"]["completion_tokens"]
        return False

    full_request = {
        **request,
        "stream": True,
        "stream_options": {"include_usage": True},
        "verbose": True,
    }
    try:
        server.handle_chat_completions(full_request, on_chunk)
    except ValueError as error:  # a schema that it can't sample by
        end["error"] = {"type": "invalid_request_error", "message": str(error)}
    write({"error": end["error"]} if "error" in end else {"done": end})


def main() -> None:
    """Serve until the input ends."""
    path, context, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the library prints is not an answer
    server = open_server(path, context, threads)
    for line in sys.stdin:
        answer(server, json.loads(line), out)


if __name__ == "__main__":
    main()
