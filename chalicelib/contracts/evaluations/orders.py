"""The order of an evaluation, as the input of its job carries it. Light: all jobs load it."""

from __future__ import annotations

from decimal import Decimal

from chalicelib.contracts.base import Contract


class EvaluationOrder(Contract):
    """The order of an evaluation by one key; the suite itself is an object beside the job.

    `budget` bounds what answers and judges may cost, in dollars; `baseline` is the evaluation that
    it is held against, "" for none. With `confirm` the job waits for its estimate to be accepted.
    """

    suite: str
    sha256: str
    key: str = ""
    budget: Decimal | None = None
    baseline: str = ""
    confirm: bool = False
