"""Tables as text, for the readers of every format."""

from __future__ import annotations

from chalicelib.reading.tables import table_blocks

__all__ = ["table_blocks"]
