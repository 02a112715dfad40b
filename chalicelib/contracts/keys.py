"""The API key as it is stored.

The authorizer starts before the first request after a pause, so it loads no other contract.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key, stored by its hash and never itself.

    `operator` says whether it may also do what concerns all tenants of the stage, such as approving
    models.
    """

    key_hash: str
    tenant: str
    name: str = ""
    operator: bool = False
