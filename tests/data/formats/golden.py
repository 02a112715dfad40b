"""What each sample is read as, written down: `samples/X` beside `golden/X.json`.

    python -m tests.data.formats.golden NAME...

writes the golden results of the samples named, which a test then holds every reader to. Look at
the difference before you keep it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"


def read(name: str) -> dict[str, Any]:
    """Return what a sample is read as."""
    found = extract((HERE / name).read_bytes(), name, identify_by_magika)
    return {
        "media_type": found.media_type,
        "language": found.language,
        "notices": list(found.notices),
        "attachments": [each.name for each in found.attachments],
        "pages": [page.model_dump(mode="json") for page in found.pages],
    }


def main(names: list[str]) -> None:
    """Write the golden results of `names`."""
    GOLDEN.mkdir(exist_ok=True)
    for name in names:
        text = json.dumps(read(name), indent=1, ensure_ascii=False) + "\n"
        (GOLDEN / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
