"""Recursive loops: how often a function ran in one chain of events, by the trace header. Pure.

A function's invocation has a trace header, which the SDK sends along with every request of the
function. SQS stores it with a message, so that it comes back with the event that the message
causes. Its field `Lineage` counts the invocations of each function of the chain.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
https://aws.amazon.com/blogs/compute/detecting-and-stopping-recursive-loops-in-aws-lambda-functions/

AWS does not document the form of the field. Here it is `Lineage=1:<function>:<count>`, more
functions separated by `|`.
"""

from __future__ import annotations

import hashlib
import re

from localcloud.errors import AwsError

MAX_INVOCATIONS = 16
"""Lambda stops the next invocation of a function in a chain in which it ran so often."""
LOOP_ERROR = "RecursiveInvocationException"
_FIELD = re.compile(r"(?:^|;)\s*Lineage=([^;]*)")
_ENTRY = re.compile(r"1:([0-9a-f]{8}):(\d{1,4})")


def lineage(trace_header: str) -> str:
    """Return the field `Lineage` of a trace header, "" if there is none."""
    found = _FIELD.search(trace_header)
    return found.group(1) if found else ""


def next_lineage(trace_header: str, function: str) -> str:
    """Return the lineage of an invocation of `function` that the header's request causes."""
    counts = _counts(trace_header)
    mark = _mark(function)
    counts[mark] = counts.get(mark, 0) + 1
    return "|".join(f"1:{each}:{count}" for each, count in counts.items())


def check_recursion(trace_header: str, function: str) -> None:
    """Raise RecursiveInvocationException if `function` has run 16 times in the header's chain."""
    if _counts(trace_header).get(_mark(function), 0) >= MAX_INVOCATIONS:
        raise AwsError(
            LOOP_ERROR,
            f"Lambda has detected your function being invoked in a recursive loop with other AWS "
            f"resources and stopped your function's invocation. {function} ran {MAX_INVOCATIONS} "
            "times in one chain of events; RecursiveLoop: Allow would let it run on.",
            400,
        )


def _counts(trace_header: str) -> dict[str, int]:
    return {mark: int(count) for mark, count in _ENTRY.findall(lineage(trace_header))}


def _mark(function: str) -> str:
    return hashlib.sha256(function.encode()).hexdigest()[:8]
