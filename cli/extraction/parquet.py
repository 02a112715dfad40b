"""Tables of extractions as Parquet, by pyarrow, in this process or in the training environment's.

pyarrow is 150 MB, which neither the command line nor a function needs otherwise, and no function's
bundle has room for. `python -m cli.extraction.parquet FILE` writes rows that come as lines of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from cli.failures import CommandError, UsageError

Value = bool | int | float | str | None
TRAINING_PYTHON = Path(__file__).parents[2] / ".venv-training" / "bin" / "python"
"""The Python that has pyarrow in a clone where models can be trained."""
_PROJECT = Path(__file__).parents[2]
_SECONDS = 600
_MAX_INTEGER = 2**63 - 1


def check_parquet(interpreter: Path = TRAINING_PYTHON) -> None:
    """Raise `UsageError` if nothing here can write Parquet."""
    if find_spec("pyarrow") is None and not interpreter.exists():
        raise UsageError(
            "Parquet needs pyarrow, which is not installed: `pip install pyarrow`, or `make"
            " training` in a clone. --csv needs nothing."
        )


def write_parquet(
    rows: Sequence[Mapping[str, Value]], path: Path, interpreter: Path = TRAINING_PYTHON
) -> None:
    """Write rows, whose columns are those of all rows, each of one type; raise `CommandError`.

    A column is boolean, integer, floating or text: text as soon as its values are of several kinds.
    """
    columns = typed_columns(rows)
    if find_spec("pyarrow") is not None:
        _write(columns, path)
        return
    command = [str(interpreter), "-m", __name__, str(path.resolve())]
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            command,
            cwd=_PROJECT,
            input=json.dumps(columns),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{path} could not be written: {error}") from error
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"its writer ended with {ended.returncode}"]
        raise CommandError(f"{path} could not be written: {said[-1][-500:]}")


def typed_columns(rows: Sequence[Mapping[str, Value]]) -> dict[str, list[Value]]:
    """Return the columns of rows, null where a row has no value, each with values of one type."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _of_one_type([row.get(name) for row in rows]) for name in names}


def _of_one_type(values: list[Value]) -> list[Value]:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [value if value is None else float(value) for value in values]
    is_large = any(type(value) is int and abs(value) > _MAX_INTEGER for value in values)
    if len(kinds) <= 1 and not is_large:
        return values
    return [
        value if value is None or isinstance(value, str) else json.dumps(value) for value in values
    ]


def _write(columns: Mapping[str, list[Value]], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    try:
        arrays = {
            # A column without any value has no type of its own.
            name: pyarrow.array(
                values, None if any(v is not None for v in values) else pyarrow.string()
            )
            for name, values in columns.items()
        }
        parquet.write_table(pyarrow.table(arrays), path)
    except (pyarrow.ArrowException, OSError, OverflowError) as error:
        raise CommandError(f"{path} could not be written: {error}") from error


def main(path: str) -> int:
    """Write the columns that standard input has as JSON."""
    try:
        _write(json.load(sys.stdin), Path(path))
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
