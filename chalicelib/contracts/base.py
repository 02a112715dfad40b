"""The two kinds of contract.

A contract's validator is built when it is first used: each process uses a few of the many, and
building all of them is a tenth of a cold start.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """A document between two of our processes: frozen, and deaf to fields it does not know."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")


class HttpInput(BaseModel):
    """The body of a request to our own API: frozen, and an unknown field is refused by name."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")
