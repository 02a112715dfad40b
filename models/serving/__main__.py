"""`python -m serving serve` in a container, `python -m models.serving serve` in this repository."""

from __future__ import annotations

from .server import main

if __name__ == "__main__":
    raise SystemExit(main())
