"""The Lambda entry point of `embed_text`."""

import os
import time
from functools import cache

from chalicelib.contracts import EmbedTextRequest
from chalicelib.inference.embedder import Embedder
from functions.embed_text.core import Deps, run

deps = cache(lambda: Deps(Embedder.open(os.environ["HEADRACE_MODELS_DIR"]), time.perf_counter))


def handler(event: dict[str, object], context: object) -> dict[str, object]:
    return run(EmbedTextRequest.model_validate(event), deps()).model_dump(mode="json")
