"""The local cloud's import of a model of Hugging Face's layout, as GGUF.

python -m models.imported_model FOLDER

FOLDER/source       the files that were imported
FOLDER/model.gguf   what is left, in 16 bits
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from models.bases.folder import read_base, record_base
from models.failures import TrainingFailure
from models.gguf_file import write_gguf
from models.gguf_probe import GGUF_FILE
from models.networks.base_decoder import load_decoder


def convert_model(folder: Path) -> None:
    """Write the GGUF of the files in `source`.

    Raises:
        BadData: they are no whole model, or of a form that is not written as GGUF.
    """
    source = folder / "source"
    record_base(source, name=folder.name, source="an import job", licence="the account's own")
    base = read_base(source)
    write_gguf(base, load_decoder(base).state_dict(), folder / GGUF_FILE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert; return 1, with the reason as the last line of standard error, if that failed."""
    (folder,) = arguments if arguments is not None else sys.argv[1:]
    try:
        convert_model(Path(folder))
    except TrainingFailure as error:
        print(error, file=sys.stderr)  # noqa: T201 - the local cloud reads it
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
