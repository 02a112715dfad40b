"""Run the server: `python -m serving serve` in a container, or by `models.serving` here."""

from __future__ import annotations

from .server import main

if __name__ == "__main__":
    raise SystemExit(main())
