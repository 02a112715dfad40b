"""How a caller may name a function."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.registry import FunctionRegistry
from localcloud.lambdas.spec import FunctionSpec
from localcloud.service import CloudContext

_ARN = "arn:aws:lambda:us-east-1:000000000000:function:read"


@pytest.fixture
def registry(tmp_path: Path) -> FunctionRegistry:
    registry = FunctionRegistry(CloudContext(tmp_path, "http://127.0.0.1:1"))
    registry.register(FunctionSpec("read", "app.handler", tmp_path), "now")
    return registry


@pytest.mark.parametrize(
    "reference",
    ["read", _ARN, f"{_ARN}:$LATEST", "000000000000:function:read", "read:$LATEST"],
)
def test_a_name_a_partial_arn_and_an_arn_mean_the_function(
    registry: FunctionRegistry, reference: str
) -> None:
    assert registry.find(reference).arn == _ARN
    assert registry.find(reference, "$LATEST").arn == _ARN


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("other", "ResourceNotFoundException"),
        (_ARN.replace("us-east-1", "eu-west-1"), "ResourceNotFoundException"),
        (_ARN.replace("000000000000", "111111111111"), "ResourceNotFoundException"),
        ("read:live", "ResourceNotFoundException"),
        ("no such name!", "ValidationException"),
    ],
)
def test_anything_else_is_refused(registry: FunctionRegistry, reference: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        registry.find(reference)
    assert refused.value.code == code


def test_two_qualifiers_that_differ_are_refused(registry: FunctionRegistry) -> None:
    with pytest.raises(AwsError, match="derived qualifier"):
        registry.find("read:$LATEST", "live")


def test_only_a_changed_definition_is_a_new_generation(
    registry: FunctionRegistry, tmp_path: Path
) -> None:
    assert not registry.register(FunctionSpec("read", "app.handler", tmp_path), "later")
    assert registry.find("read").generation == 1
    assert registry.register(FunctionSpec("read", "app.other", tmp_path), "later")
    assert registry.find("read").generation == 2


def test_a_function_that_is_told_another_s_name_is_a_caller(tmp_path: Path) -> None:
    registry = FunctionRegistry(CloudContext(tmp_path, "http://127.0.0.1:1"))
    told = {"api": {"CHECK": "check"}, "check": {"OWN": "check"}, "sweep": {"TABLE": "records"}}
    for name, environment in told.items():
        spec = FunctionSpec(name, "app.handler", tmp_path, environment=environment)
        registry.register(spec, "2026-11-25T00:00:00.000+0000")
    assert registry.callers() == {"api"}


def test_a_version_and_its_alias_are_found_by_every_way_to_name_them(
    registry: FunctionRegistry,
) -> None:
    registry.publish("read", "3")
    registry.point_alias("read", "live", "3")
    for reference, qualifier in (("read:live", None), (f"{_ARN}:live", None), ("read", "live")):
        found = registry.find(reference, qualifier)
        assert (found.arn, found.spec.version) == (f"{_ARN}:live", "3")
        assert found.reference == "read:live"
    assert registry.find("read:3").arn == f"{_ARN}:3"
    assert registry.find("read").spec.version == "$LATEST"
    assert registry.references() == {"read", "read:3", "read:live"}


def test_an_alias_of_a_version_that_is_not_there_is_refused(registry: FunctionRegistry) -> None:
    with pytest.raises(AwsError, match=":function:read:4"):
        registry.point_alias("read", "live", "4")
