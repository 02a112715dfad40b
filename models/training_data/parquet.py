"""Rows of Parquet files, by pyarrow, in this process or in that of the training environment.

pyarrow is 150 MB, which the command line does not need otherwise: `python -m
models.training_data.parquet FILE` writes rows as lines of JSON for another process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.failures import BadData
from models.training_data.tables import ParquetReader

_PROJECT = Path(__file__).parents[2]
_ROWS = 256


def parquet_reader(interpreter: Path) -> ParquetReader | None:
    """Return what reads Parquet here: pyarrow, or the Python that has it, or None."""
    if find_spec("pyarrow") is not None:
        return read_rows
    return partial(_read_by, interpreter) if interpreter.exists() else None


def read_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a file. Raises BadData."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise BadData(f"{path.name} cannot be read: {error}") from error


def _read_by(interpreter: Path, path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that another Python reads. Raises BadData."""
    command = [str(interpreter), "-m", __name__, str(path.resolve())]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=_PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stderr is not None
        try:
            for line in reader.stdout:
                if not line.endswith("\n"):
                    break  # it was stopped while it wrote
                yield json.loads(line)
            said = reader.stderr.read().strip()
            code = reader.wait()
        finally:
            reader.kill()
    if code:
        # The system says nothing of a process that it stops for want of memory.
        told = said.splitlines()[-1][-500:] if said else f"its reader ended with the code {code}"
        raise BadData(f"{path.name} cannot be read whole: {told}")


def main(path: str) -> int:
    """Write the rows of a file to standard output, a line of JSON each."""
    try:
        for row in read_rows(Path(path)):
            sys.stdout.write(json.dumps(row, default=str) + "\n")
    except BadData as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the other process reads
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
