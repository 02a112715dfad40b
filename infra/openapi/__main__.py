"""Write the OpenAPI document and its page into the API, or check them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra.openapi.published_files import published_files


def main(arguments: list[str] | None = None) -> int:
    """Write `openapi.json` and `docs.html` into `chalicelib/api`."""
    parser = argparse.ArgumentParser(prog="python -m infra.openapi", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if they differ")
    chosen = parser.parse_args(arguments)
    stale = {file: text for file, text in published_files().items() if _read(file) != text}
    for file, text in stale.items():
        if chosen.check:
            print(f"{file} is out of date; run python -m infra.openapi", file=sys.stderr)  # noqa: T201
        else:
            file.write_text(text, encoding="utf-8")
    return 1 if stale and chosen.check else 0


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main())
