"""Ask LlamaIndex the same questions: its best three nodes, by the same model."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.bench_environment import ALONE, PROJECT, interpreter
from benchmarks.lines import peer
from benchmarks.shares import share
from chalicelib.contracts.ingest import Page
from models.real_files.questions import RealFile
from models.real_files.spans import holds


def ask_llama_index(
    files: Sequence[RealFile],
    pages: Mapping[str, Sequence[Page]],
    models: Path,
    python: Path | None = None,
) -> dict[str, Any]:
    """Return how often the answer is among its nodes, the first or any, and their length.

    `python` has LlamaIndex; None makes the environment of compared libraries, and takes its own.
    """
    texts = {name: "\n\n".join(page.text for page in read) for name, read in pages.items() if read}
    asked = [(file, each) for file in files for each in file.questions if not each.is_near_miss]
    in_first = in_any = 0
    lengths: list[int] = []
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "texts.json"
        path.write_text(json.dumps(texts), "utf-8")
        command = [str(python or interpreter()), "-m", "benchmarks.answering_real.theirs"]
        environment = os.environ | ALONE
        with peer([*command, str(models), str(path)], PROJECT, environment) as theirs:
            for file, question in asked:
                nodes = theirs.ask({"question": question.text})["nodes"]
                hits = [name == file.name and holds(text, question.answers) for name, text in nodes]
                in_first += hits[:1] == [True]
                in_any += any(hits)
                lengths.append(sum(len(text) for _, text in nodes))
            version = theirs.ready["version"]
    return {
        "version": version,
        "in its three nodes": share(in_any, len(asked)),
        "in its first node": share(in_first, len(asked)),
        "characters of its nodes": round(statistics.median(lengths)),
    }
