"""The API key as it is stored.

The authorizer starts before the first request after a pause, so it loads no other contract.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, stored by its hash and never itself."""

    key_hash: str
    tenant: str
    name: str = ""
