"""The environment of compared libraries: `.venv-bench`, made from `requirements/bench.in`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".venv-bench"
WANTED = PROJECT / "requirements" / "bench.in"
KNOWN = PROJECT / "requirements" / "bench.txt"

ALONE = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What keeps a process of either side to one thread and off the network."""


def interpreter() -> Path:
    """Return the environment's Python; create or update the environment first if needed."""
    python = FOLDER / "bin" / "python"
    made_from = FOLDER / "made-from"
    digest = hashlib.sha256(WANTED.read_bytes() + KNOWN.read_bytes()).hexdigest()
    if made_from.is_file() and made_from.read_text() == digest:
        return python
    print(f"Making {FOLDER.name}; torch is large, so this takes a while.")
    subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True, timeout=120)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, "-r", str(WANTED), "-c", str(KNOWN)], check=True, timeout=1800)
    made_from.write_text(digest)
    return python
