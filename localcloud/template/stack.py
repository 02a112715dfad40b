"""Applying a template: in order of dependency, once for each change, nothing ignored."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import TemplateScope
from localcloud.errors import AwsError
from localcloud.lambdas.spec import FunctionSpec
from localcloud.service import CloudContext, Params, Result
from localcloud.template.validation import check_template, creation_order

Json = Any
Clients = Callable[[str], Any]
_log = logging.getLogger(__name__)

_NAME_LENGTH = 63
"""The shortest limit among the types that a template may leave unnamed: that of a bucket."""


class FunctionRegistry(Protocol):
    """What Lambda takes in process: code on this disk, which no API call could carry."""

    def register(self, spec: FunctionSpec) -> None: ...

    def publish(self, name: str, key: str) -> str: ...

    def point(self, name: str, alias: str, number: str) -> str: ...

    def ensure_event_source_mapping(self, params: Params) -> Result: ...


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """What a resource came to be: what `Ref` yields, and what `Fn::GetAtt` yields."""

    ref: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackContext:
    """What creators work with. `client` gives boto3 clients aimed at the front door."""

    name: str
    context: CloudContext
    client: Clients
    lambdas: FunctionRegistry
    code: Callable[[str], Path]
    environment: Mapping[str, str]

    def physical_name(self, logical_id: str) -> str:
        """Return the name of a resource that the template does not name; stable, lower case."""
        digest = hashlib.sha256(f"{self.name}/{logical_id}".encode()).hexdigest()[:8]
        return f"{f'{self.name}-{logical_id}'[: _NAME_LENGTH - 9]}-{digest}".lower()


CreateResource = Callable[[StackContext, str, Mapping[str, Json]], CreatedResource]


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How one CloudFormation type is made here, and which of its properties are known.

    `create` brings one into line with its properties, whether or not it is there already.
    `inert` properties are right in a template and change nothing on one machine: tags,
    tracing, encryption at rest. `every_start` marks what lives in memory only and is made
    anew at each start.
    """

    properties: frozenset[str]
    create: CreateResource
    required: frozenset[str] = frozenset()
    inert: frozenset[str] = frozenset()
    every_start: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Every property that a template may give."""
        return self.properties | self.inert | self.required


class Stack:
    """One template applied to the local cloud, remembering what it has made."""

    def __init__(self, workshop: StackContext, types: Mapping[str, ResourceType]) -> None:
        """Open the stack's memory in the data directory."""
        self._workshop = workshop
        self._types = types
        self._file = workshop.context.folder("template") / f"{workshop.name}.json"
        self._made = _remembered(self._file)
        self._applied: dict[str, str] = {}

    def apply(self, template: Mapping[str, Json], values: Mapping[str, str]) -> dict[str, Json]:
        """Make what the template lists, change what changed, and return its outputs.

        Raises TemplateError, which names the resource that could not be made.
        """
        check_template(template, self._types)
        scope = TemplateScope(template, values, self._pseudo())
        declared = template["Resources"]
        resources = {
            name: resource
            for name, resource in declared.items()
            if "Condition" not in resource or scope.condition_holds(resource["Condition"])
        }
        try:
            for logical_id in creation_order(resources, declared):
                self._make(scope, logical_id, resources[logical_id])
        finally:
            self._remember()
        self._applied = {name: resource["Type"] for name, resource in resources.items()}
        self._mention_leftovers(resources)
        return {
            name: scope.resolve(output["Value"])
            for name, output in template.get("Outputs", {}).items()
            if "Condition" not in output or scope.condition_holds(output["Condition"])
        }

    def refs(self, kind: str) -> dict[str, str]:
        """Return what `Ref` yields for each resource of type `kind` that was applied."""
        return {name: made["ref"] for name, made in self._of_kind(kind)}

    def attributes(self, kind: str) -> dict[str, Mapping[str, Json]]:
        """Return what `Fn::GetAtt` yields for each resource of type `kind` that was applied."""
        return {name: made["attributes"] for name, made in self._of_kind(kind)}

    def _of_kind(self, kind: str) -> list[tuple[str, Json]]:
        return [(name, self._made[name]) for name, of in self._applied.items() if of == kind]

    def _pseudo(self) -> dict[str, str]:
        context = self._workshop.context
        return {
            "AWS::Region": context.region,
            "AWS::AccountId": context.account_id,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self._workshop.name,
            "AWS::StackId": context.arn("cloudformation", f"stack/{self._workshop.name}/local"),
        }

    def _make(self, scope: TemplateScope, logical_id: str, resource: Mapping[str, Json]) -> None:
        kind = self._types[resource["Type"]]
        properties = scope.resolve(resource.get("Properties", {}))
        fingerprint = _fingerprint(resource["Type"], properties)
        made = self._made.get(logical_id)
        if made is None or kind.every_start or not self._stands(made, fingerprint):
            created = self._create(logical_id, resource["Type"], properties)
            self._mention_replaced(logical_id, made, created)
            made = {
                "fingerprint": fingerprint,
                "ref": created.ref,
                "attributes": dict(created.attributes),
                "endpoint_url": self._workshop.context.endpoint_url,
            }
            self._made[logical_id] = made
        scope.add_resource(logical_id, made["ref"], made["attributes"])

    def _stands(self, made: Json, fingerprint: str) -> bool:
        """Tell whether what was made is as wanted, and is still reached by the name it has.

        Queues are named by URLs, which carry the endpoint of the start that made them.
        """
        endpoint = self._workshop.context.endpoint_url
        moved = made["endpoint_url"] != endpoint
        names = json.dumps([made["ref"], made["attributes"]])
        return bool(made["fingerprint"] == fingerprint) and not (
            moved and made["endpoint_url"] in names
        )

    def _create(
        self, logical_id: str, kind: str, properties: Mapping[str, Json]
    ) -> CreatedResource:
        try:
            return self._types[kind].create(self._workshop, logical_id, properties)
        except TemplateError:
            raise
        except KeyError as error:
            raise TemplateError(f"{logical_id} ({kind}) lacks {error} in a property.") from error
        except (AwsError, BotoCoreError, ClientError, TypeError, ValueError) as error:
            raise TemplateError(f"{logical_id} ({kind}) cannot be made: {error}") from error

    def _remember(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(self._made))
        draft.replace(self._file)

    def _mention_replaced(self, logical_id: str, made: Json, created: CreatedResource) -> None:
        """Say what an earlier name left behind; only a new port may change it silently."""
        if made is None or made["ref"] == created.ref:
            return
        if made.get("endpoint_url") == self._workshop.context.endpoint_url:
            _log.warning("%s is now %s; %s is left", logical_id, created.ref, made["ref"])

    def _mention_leftovers(self, resources: Mapping[str, Json]) -> None:
        for logical_id in sorted(set(self._made) - set(resources)):
            ref = self._made[logical_id]["ref"]
            _log.warning("%s is no longer in the template; %s is left", logical_id, ref)


def _fingerprint(kind: str, properties: Json) -> str:
    """Return what changes when a resource must be looked at again."""
    seen = json.dumps([kind, properties], sort_keys=True)
    return hashlib.sha256(seen.encode()).hexdigest()


def _remembered(file: Path) -> dict[str, Json]:
    """Return what was made; a memory that cannot be read is made again from what is there."""
    try:
        made: dict[str, Json] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        _log.warning("%s cannot be read (%s); every resource is looked at again", file, error)
        return {}
    return made
