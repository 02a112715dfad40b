"""https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html"""

from __future__ import annotations

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.event_sources.records import batches
from localcloud.lambdas.lineage import (
    MAX_INVOCATIONS,
    check_recursion,
    lineage,
    next_lineage,
)

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def _chain(*functions: str) -> str:
    header = ROOT
    for function in functions:
        header = f"{ROOT};Lineage={next_lineage(header, function)}"
    return header


def test_the_seventeenth_invocation_of_a_function_in_a_chain_is_stopped() -> None:
    check_recursion(_chain(*["a"] * (MAX_INVOCATIONS - 1)), "a")
    looping = _chain(*["a"] * MAX_INVOCATIONS)
    with pytest.raises(AwsError) as caught:
        check_recursion(looping, "a")
    assert (caught.value.code, caught.value.status) == ("RecursiveInvocationException", 400)
    check_recursion(looping, "b")


def test_each_function_of_a_chain_is_counted_for_itself() -> None:
    check_recursion(_chain(*["a", "b"] * 15), "a")
    with pytest.raises(AwsError):
        check_recursion(_chain(*["a", "b"] * 16), "a")


@pytest.mark.parametrize("header", ["", ROOT, f"{ROOT};Lineage=", f"{ROOT};Lineage=x:y|1:zz:1"])
def test_a_header_without_a_lineage_begins_a_chain(header: str) -> None:
    check_recursion(header, "a")
    assert next_lineage(header, "a") == lineage(_chain("a"))


def test_messages_of_different_chains_are_batches_of_their_own() -> None:
    records = [
        {"messageId": str(number), "attributes": {"AWSTraceHeader": header} if header else {}}
        for number, header in enumerate(["", _chain("a"), ROOT, _chain("a"), _chain("a", "a")])
    ]
    found = [(ids, lineage(header)) for _, ids, header in batches(records)]
    assert found == [
        (["0", "2"], ""),
        (["1", "3"], lineage(_chain("a"))),
        (["4"], lineage(_chain("a", "a"))),
    ]
