"""The limits of a stage's concurrency, derived from how many functions its account runs at once.

New accounts begin with ten. Ingests get two fifths of the executions, so that questions, events
and batches find some too.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from typing import Any

MAX_INGESTS = 20
MAX_PARTS = 20
MAX_BATCHES = 10
MAX_SCHEDULED_RUNS = 10
MANY_EXECUTIONS = 100
"""From here a queue may have as many as Lambda gives it."""
BOUND = 2
"""The least to which AWS lets a queue be bound.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""


def concurrency_parameters(executions: int) -> dict[str, str]:
    """Return the parameters of the template for an account with so many concurrent executions."""
    share = 2 * executions // 5
    ingests = max(1, min(MAX_INGESTS, share))
    limits = {
        "MaxRunningIngests": ingests,
        "PartConcurrency": max(1, min(MAX_PARTS, share // ingests)),
        "BatchConcurrency": max(1, min(MAX_BATCHES, executions // 10)),
        "MaxScheduledRuns": max(1, min(MAX_SCHEDULED_RUNS, executions // 10)),
        "QueueConcurrency": 0 if executions >= MANY_EXECUTIONS else BOUND,
    }
    return {name: str(limit) for name, limit in limits.items()}


def unreserved_executions(client: Any) -> int:
    """Return how many functions run at once that have no reserved concurrency.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
    """
    limit = client.get_account_settings()["AccountLimit"]
    return int(limit.get("UnreservedConcurrentExecutions", limit["ConcurrentExecutions"]))
