from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from localcloud.lambdas.spec import FunctionSpec
from localcloud.service import CloudContext
from localcloud.template.stack import CreatedResource, ResourceType, StackContext, TemplateStack


class FakeFunctions:
    """A fake of Lambda that records what it is given."""

    def __init__(self) -> None:
        self.specs: dict[str, FunctionSpec] = {}
        self.mappings: list[Mapping[str, Any]] = []
        self.published: list[tuple[str, str]] = []
        self.aliases: dict[str, str] = {}

    def register(self, spec: FunctionSpec) -> None:
        self.specs[spec.name] = spec

    def publish(self, name: str, key: str) -> str:
        self.published.append((name, key))
        return str(len(self.published))

    def point_alias(self, name: str, alias: str, version: str) -> str:
        self.aliases[f"{name}:{alias}"] = version
        return f"arn:{name}:{alias}"

    def ensure_event_source_mapping(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        self.mappings.append(params)
        return {"UUID": f"mapping-{params['FunctionName']}"}


class Things:
    """Two made-up types, that write down what was asked of them."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []

    def _create(
        self, stack: StackContext, logical_id: str, properties: Mapping[str, Any]
    ) -> CreatedResource:
        if "Fails" in properties:
            raise ValueError(properties["Fails"])
        if "Lacks" in properties:
            return properties["Lacks"]["Member"]  # type: ignore[no-any-return]
        self.made.append((logical_id, properties))
        name = properties.get("Name") or stack.physical_name(logical_id)
        url = f"{stack.cloud.endpoint_url}/{name}"
        return CreatedResource(name, {"Arn": f"arn:{name}", "Url": url})

    @property
    def types(self) -> dict[str, ResourceType]:
        names = frozenset({"Name", "Uses", "Fails", "Lacks"})
        return {
            "Test::Thing": ResourceType(names, self._create, inert=frozenset({"Tags"})),
            "Test::Demanding": ResourceType(names, self._create, required=frozenset({"Needs"})),
            "Test::InMemory": ResourceType(names, self._create, every_start=True),
        }


@pytest.fixture
def functions() -> FakeFunctions:
    return FakeFunctions()


@pytest.fixture
def things() -> Things:
    return Things()


def no_client(service: str) -> Any:
    raise AssertionError(f"nothing here asks {service}")


NewStack = Callable[..., StackContext]


@pytest.fixture
def new_stack(tmp_path: Path, functions: FakeFunctions) -> NewStack:
    def make(
        port: int = 4510, client: Callable[[str], Any] = no_client, name: str = "stack"
    ) -> StackContext:
        context = CloudContext(tmp_path / "data", f"http://127.0.0.1:{port}")
        return StackContext(name, context, client, functions, lambda _: tmp_path, {"EXTRA": "1"})

    return make


@pytest.fixture
def apply(new_stack: NewStack, things: Things) -> Callable[..., dict[str, Any]]:
    """Apply resources (or a whole template) in a fresh process, so to say."""

    def apply_it(resources: Mapping[str, Any], port: int = 4510, **more: Any) -> dict[str, Any]:
        values = more.pop("values", {})
        template = {"Resources": resources, **more}
        return TemplateStack(new_stack(port), things.types).apply(template, values)

    return apply_it
