"""LlamaIndex loading one file in its own process, run by the environment of `bench.in`.

It only loads the documents: splitting them would hold their text once more.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from llama_index.core import SimpleDirectoryReader

from benchmarks.memory_peak import before_and_peak, begin


def main(small: Path, path: Path) -> None:
    """Load `small` to warm up late imports, then `path`; print one line of JSON."""
    SimpleDirectoryReader(input_files=[small]).load_data()
    before = begin()
    documents = SimpleDirectoryReader(input_files=[path]).load_data()
    characters = sum(len(document.text) for document in documents)
    print(json.dumps({**before_and_peak(before), "characters": characters}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
