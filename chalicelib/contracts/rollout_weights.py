"""The weights of an endpoint's production variants, as a rollout moves them."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract

MAX_WEIGHT_ATTEMPTS = 24
"""Looks at an endpoint in a row that may find it unable to take new weights. With the pauses
between them that is an hour and a half, in which most updates with guardrails end."""


class EndpointWeights(Contract):
    """How far a rollout has moved traffic between two production variants of an endpoint.

    The variants `live` and `candidate` share the weight `total`, which was `live`'s before the
    rollout. `share` is the percentage of it that `candidate` was last seen to have, in service;
    `target` is what the present stage gives it. `reason` says why the weights are not yet as the
    rollout wants them, "" if they are; `attempts` counts the looks since they were.
    """

    endpoint: str
    live: str = ""
    candidate: str
    total: float = Field(default=0, ge=0, allow_inf_nan=False)
    share: float = Field(default=0, ge=0, le=100, allow_inf_nan=False)
    target: float = Field(default=0, ge=0, le=100, allow_inf_nan=False)
    attempts: int = Field(default=0, ge=0)
    reason: str = ""

    @property
    def is_pending(self) -> bool:
        """Tell whether the weights are still to be moved."""
        return bool(self.reason) and self.attempts < MAX_WEIGHT_ATTEMPTS
