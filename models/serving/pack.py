"""Make a model package: `python -m models.serving.pack`.

A package is a gzipped tar with the model's files at its root and the handler at
`code/inference.py`; SageMaker unpacks it into /opt/ml/model. The same files make the same bytes.
https://docs.aws.amazon.com/sagemaker/latest/dg/large-model-inference-uncompressed.html
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.serving.packages import HANDLER


def pack(model: Path, handler: Path | None, into: Path) -> int:
    """Write the package of the files in `model` and return its size in bytes.

    An exported model has its `code/inference.py` itself, and then needs no `handler`. Raises
    ValueError where `model` has no files, or links, or no handler or two.
    """
    entries = dict(_files(model))
    if not entries:
        raise ValueError(f"{model} has no files.")
    if handler is not None and HANDLER in entries:
        raise ValueError(f"{model} has a {HANDLER} already.")
    if handler is not None:
        entries[HANDLER] = handler
    elif HANDLER not in entries:
        raise ValueError(f"{model} has no {HANDLER}; name a handler.")
    with (
        into.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(entries):
            _add(archive, name, entries[name])
    return into.stat().st_size


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ValueError(f"{path} is a link; a package holds files only.")
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = path.stat().st_size
    entry.mode = 0o644
    with path.open("rb") as content:
        archive.addfile(entry, content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a package and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m models.serving.pack", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the model's files")
    parser.add_argument(
        "--handler", type=Path, help="becomes code/inference.py; an exported model has it already"
    )
    parser.add_argument("--into", type=Path, required=True, help="the package, a .tar.gz")
    chosen = parser.parse_args(arguments)
    try:
        size = pack(chosen.model, chosen.handler, chosen.into)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    print(f"{chosen.into}: {size:,} bytes")  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
