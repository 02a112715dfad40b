"""One step of the ingest of one file in a process of its own, for `benchmarks.memory`.

`plan` is the first step of `read_document`: it reads a small file and plans the parts of a large
one. `read` and `chunk` process some of the parts, first to last, one after the other, as a warm
function does. Each prints its memory before the step and its peak.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.folder_objects import FolderObjects
from benchmarks.memory_peak import before_and_peak, begin
from chalicelib.contracts.ingest import ChunkRequest, Page, ReadRequest
from chalicelib.contracts.jsonl import read_lines
from chalicelib.contracts.parts import Part, ReadPartRequest
from chalicelib.inference.embedder import Embedder
from chalicelib.retrieval.ids import version_prefix
from functions.chunk_document import core as chunking
from functions.read_document import core as reading
from functions.read_document.file_types.detection import identify_by_magika
from functions.read_document.text.language import language_of

LIMIT = 1024**3
MEMORY_GB = 1769 / 1024
BUCKET, KEY = "files", "inbox/bench/default/file"
PLACE = {
    "tenant": "bench",
    "document_id": "doc_1",
    "version": "v_1",
    "bucket": BUCKET,
    "correlation_id": "bench",
}
SAMPLED = 5
"""Parts that are read and chunked, of however many there are."""


def request_of(path: Path) -> dict[str, Any]:
    """Return the input of the ingest of an upload like `path`."""
    return {
        **PLACE,
        "order": "1",
        "collection": "default",
        "path": path.name,
        "key": KEY,
        "object_version_id": "1",
        "bytes": path.stat().st_size,
    }


def plan(path: Path, objects: FolderObjects) -> dict[str, Any]:
    """Read or plan `path`."""
    _warm()
    before = begin()
    deps = reading.Deps(objects, identify_by_magika, LIMIT, time.perf_counter, MEMORY_GB)
    result = reading.run(ReadRequest.model_validate(request_of(path)), deps)
    return {**before_and_peak(before), "parts": result.parts, "pages": result.pages}


def read(path: Path, objects: FolderObjects, parts: int) -> dict[str, Any]:
    """Read some of the parts."""
    _warm()
    before = begin()
    deps = reading.Deps(objects, identify_by_magika, LIMIT, time.perf_counter, MEMORY_GB)
    for part in some(planned(objects, parts)):
        request = ReadPartRequest.model_validate({**request_of(path), "part": part})
        reading.run_part(request, deps)
    return before_and_peak(before)


def chunk(models: Path, objects: FolderObjects, parts: int, pages: int) -> dict[str, Any]:
    """Chunk some of the parts, or the whole file if it has none."""
    embedder = Embedder.open(models)
    embedder.count_tokens("Loads the tokenizer.")
    before = begin()
    deps = chunking.Deps(
        objects, embedder.count_tokens, embedder.max_tokens, time.perf_counter, MEMORY_GB
    )
    if not parts:
        chunking.run(ChunkRequest.model_validate({**PLACE, "pages": pages}), deps)
    for part in some(planned(objects, parts)):
        request = {**PLACE, "part": part.part, "pages": part.pages}
        chunking.run(ChunkRequest.model_validate(request), deps)
    return before_and_peak(before)


def _warm() -> None:
    """Load the models of file type and language, which a warm function holds."""
    identify_by_magika(b"A file of a type.")
    language_of([Page(page=1, text="This is a sentence of a language, and here is another one.")])


def planned(objects: FolderObjects, parts: int) -> list[Part]:
    """Return the planned parts, if any."""
    if not parts:
        return []
    prefix = version_prefix(PLACE["tenant"], PLACE["document_id"], PLACE["version"])
    return list(read_lines(objects.stream(BUCKET, prefix + "parts.jsonl"), Part, parts))


def some(parts: Sequence[Part]) -> list[Part]:
    """Return the first and the last part, and some evenly spaced ones."""
    if len(parts) <= SAMPLED:
        return list(parts)
    return [parts[place * (len(parts) - 1) // (SAMPLED - 1)] for place in range(SAMPLED)]


def main() -> None:
    """Run the named step, and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("plan", "read", "chunk"))
    parser.add_argument("path", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("--parts", type=int, default=0)
    parser.add_argument("--pages", type=int, default=0)
    arguments = parser.parse_args()
    objects = FolderObjects(arguments.folder)
    match arguments.step:
        case "plan":
            done = plan(arguments.path, objects)
        case "read":
            done = read(arguments.path, objects, arguments.parts)
        case _:
            done = chunk(arguments.models, objects, arguments.parts, arguments.pages)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
