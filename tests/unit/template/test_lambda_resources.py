"""Functions, permissions and mappings as they are handed to Lambda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.cloudformation.errors import TemplateError
from localcloud.template.resources import lambda_
from localcloud.template.stack import TemplateStack
from tests.unit.template.conftest import FakeFunctions, NewStack

FUNCTION = {"Handler": "a.b", "Runtime": "python3.13", "Role": "arn:r"}


class NotThereError(Exception):
    """What the fake raises for a statement that it has not."""


class FakeLambda:
    """The permissions' side of Lambda's API."""

    class exceptions:  # noqa: N801 - named as botocore names it
        ResourceNotFoundException = NotThereError

    def __init__(self) -> None:
        self.policy: dict[str, Mapping[str, Any]] = {}

    def remove_permission(self, **params: Any) -> None:
        if params["StatementId"] not in self.policy:
            raise NotThereError
        del self.policy[params["StatementId"]]

    def add_permission(self, **params: Any) -> None:
        assert params["StatementId"] not in self.policy
        self.policy[params["StatementId"]] = params


def apply(stack: Any, kind: str, **properties: Any) -> None:
    template = {"Resources": {"Made": {"Type": f"AWS::Lambda::{kind}", "Properties": properties}}}
    TemplateStack(stack, lambda_.RESOURCE_TYPES).apply(template, {})


def test_a_function_should_get_what_the_template_says(
    new_stack: NewStack, functions: FakeFunctions
) -> None:
    variables = {"TEXT": "x", "NUMBER": 5, "FLAG": True, "EXTRA": "lost"}
    apply(
        new_stack(),
        "Function",
        **FUNCTION,
        FunctionName="f",
        MemorySize="512",
        Timeout=9,
        ReservedConcurrentExecutions="0",
        Environment={"Variables": variables},
        TracingConfig={"Mode": "Active"},
        Tags=[],
    )
    spec = functions.specs["f"]
    assert (spec.handler, spec.memory_mb, spec.timeout_s) == ("a.b", 512, 9)
    assert (spec.reserved_concurrency, spec.tracing) == (0, "Active")
    assert spec.environment == {"TEXT": "x", "NUMBER": "5", "FLAG": "true", "EXTRA": "1"}


def test_a_function_should_be_registered_at_every_start(
    new_stack: NewStack, functions: FakeFunctions
) -> None:
    for _ in range(2):
        functions.specs.clear()
        apply(new_stack(), "Function", **FUNCTION)
        assert len(functions.specs) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"MemorySize": 1}, "MemorySize of .* is 1"),
        ({"Environment": {"Variables": {"A": ["list"]}}}, "Made: A needs text, not list"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserves: AWS_REGION"),
        ({"Layers": ["x"]}, r"extraneous key \[Layers\]"),
        ({"Timeout": "soon"}, "Made .* cannot be made"),
    ],
)
def test_a_function_that_lambda_refuses_should_be_named(
    new_stack: NewStack, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(TemplateError, match=words):
        apply(new_stack(), "Function", **FUNCTION, **more)


def test_a_permission_should_be_the_same_when_it_is_given_again(new_stack: NewStack) -> None:
    fake = FakeLambda()
    given = {"Action": "lambda:InvokeFunction", "FunctionName": "f", "Principal": "events"}
    apply(new_stack(client=lambda _: fake), "Permission", **given)
    first = dict(fake.policy)
    apply(new_stack(port=9, client=lambda _: fake), "Permission", **given)
    assert fake.policy == first
    assert set(first["Made"]) == {"FunctionName", "StatementId", "Action", "Principal"}


def test_a_mapping_should_be_ensured_with_what_the_template_gives(
    new_stack: NewStack, functions: FakeFunctions
) -> None:
    given = {"EventSourceArn": "arn:q", "FunctionName": "f", "BatchSize": 3}
    apply(new_stack(), "EventSourceMapping", **given)
    assert functions.mappings == [given]
