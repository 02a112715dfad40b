"""A stack: one template applied in order of dependency; only what changed is created again."""

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
_log = logging.getLogger(__name__)

_NAME_LENGTH = 63
"""The shortest limit among the types that a template may leave unnamed: that of a bucket."""


class FunctionDeployer(Protocol):
    """The operations of Lambda that take code on this disk, which no API call could carry."""

    def register(self, spec: FunctionSpec) -> None: ...

    def publish(self, name: str, key: str) -> str: ...

    def point_alias(self, name: str, alias: str, version: str) -> str: ...

    def ensure_event_source_mapping(self, params: Params) -> Result: ...


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """The results of `Ref` and `Fn::GetAtt` for a resource."""

    ref: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackContext:
    """The context in which the resources of a template are created.

    `client` gives boto3 clients of the front door, `code_folder` the folder of a function's code
    by logical id. `environment` has variables that every function gets.
    """

    name: str
    cloud: CloudContext
    client: Callable[[str], Any]
    lambdas: FunctionDeployer
    code_folder: Callable[[str], Path]
    environment: Mapping[str, str]

    def physical_name(self, logical_id: str) -> str:
        """Return the name of a resource that the template does not name; stable, lower case."""
        digest = hashlib.sha256(f"{self.name}/{logical_id}".encode()).hexdigest()[:8]
        return f"{f'{self.name}-{logical_id}'[: _NAME_LENGTH - 9]}-{digest}".lower()


CreateResource = Callable[[StackContext, str, Mapping[str, Json]], CreatedResource]
"""Creates or updates the resource of a logical id so that it has the given properties."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How one CloudFormation type is created, and which properties it has here.

    `inert` properties are right in a template and change nothing on one machine: tags,
    tracing, encryption at rest. `every_start` marks what is created again at each start: what
    lives in memory only, and permissions, which a start sets right whatever was done to them.
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


class TemplateStack:
    """One template applied to the local cloud, with a record of what it has created."""

    def __init__(self, context: StackContext, types: Mapping[str, ResourceType]) -> None:
        """Read the record of earlier starts from the data directory."""
        self._context = context
        self._types = types
        self._file = context.cloud.folder("template") / f"{context.name}.json"
        self._created = _read_record(self._file)
        self._applied_types: dict[str, str] = {}
        self._properties: dict[str, Mapping[str, Json]] = {}

    def apply(self, template: Mapping[str, Json], values: Mapping[str, str]) -> dict[str, Json]:
        """Create what the template lists, update what changed, and return its outputs.

        Raises:
            TemplateError: A resource cannot be created; the message names it.
        """
        check_template(template, self._types)
        scope = TemplateScope(template, values, self._pseudo_parameters())
        declared = template["Resources"]
        resources = {
            name: resource
            for name, resource in declared.items()
            if "Condition" not in resource or scope.condition_holds(resource["Condition"])
        }
        try:
            for logical_id in creation_order(resources, declared):
                self._ensure(scope, logical_id, resources[logical_id])
        finally:
            self._write_record()
        self._applied_types = {name: resource["Type"] for name, resource in resources.items()}
        self._warn_of_leftovers(resources)
        return {
            name: scope.resolve(output["Value"])
            for name, output in template.get("Outputs", {}).items()
            if "Condition" not in output or scope.condition_holds(output["Condition"])
        }

    def refs(self, kind: str) -> dict[str, str]:
        """Return the `Ref` of each applied resource of type `kind`, by logical id."""
        return {name: record["ref"] for name, record in self._of_type(kind)}

    def attributes(self, kind: str) -> dict[str, Mapping[str, Json]]:
        """Return the attributes of each applied resource of type `kind`, by logical id."""
        return {name: record["attributes"] for name, record in self._of_type(kind)}

    def properties(self, kind: str) -> dict[str, Mapping[str, Json]]:
        """Return the resolved properties of each applied resource of type `kind`, by logical id."""
        return {name: self._properties[name] for name, _ in self._of_type(kind)}

    def _of_type(self, kind: str) -> list[tuple[str, Json]]:
        return [
            (name, self._created[name])
            for name, applied in self._applied_types.items()
            if applied == kind
        ]

    def _pseudo_parameters(self) -> dict[str, str]:
        cloud = self._context.cloud
        return {
            "AWS::Region": cloud.region,
            "AWS::AccountId": cloud.account_id,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self._context.name,
            "AWS::StackId": cloud.arn("cloudformation", f"stack/{self._context.name}/local"),
        }

    def _ensure(self, scope: TemplateScope, logical_id: str, resource: Mapping[str, Json]) -> None:
        kind = self._types[resource["Type"]]
        properties = scope.resolve(resource.get("Properties", {}))
        self._properties[logical_id] = properties
        fingerprint = _fingerprint(resource["Type"], properties)
        record = self._created.get(logical_id)
        if record is None or kind.every_start or not self._is_current(record, fingerprint):
            created = self._create(logical_id, resource["Type"], properties)
            self._warn_of_replacement(logical_id, record, created)
            record = {
                "fingerprint": fingerprint,
                "ref": created.ref,
                "attributes": dict(created.attributes),
                "endpoint_url": self._context.cloud.endpoint_url,
            }
            self._created[logical_id] = record
        scope.add_resource(logical_id, record["ref"], record["attributes"])

    def _is_current(self, record: Json, fingerprint: str) -> bool:
        """Return whether a resource has these properties and its names still reach it.

        Queues are named by URLs, which carry the endpoint of the start that created them.
        """
        endpoint = self._context.cloud.endpoint_url
        has_moved = record["endpoint_url"] != endpoint
        names = json.dumps([record["ref"], record["attributes"]])
        return bool(record["fingerprint"] == fingerprint) and not (
            has_moved and record["endpoint_url"] in names
        )

    def _create(
        self, logical_id: str, kind: str, properties: Mapping[str, Json]
    ) -> CreatedResource:
        try:
            return self._types[kind].create(self._context, logical_id, properties)
        except TemplateError:
            raise
        except KeyError as error:
            raise TemplateError(f"{logical_id} ({kind}) lacks {error} in a property.") from error
        except (AwsError, BotoCoreError, ClientError, TypeError, ValueError) as error:
            raise TemplateError(f"{logical_id} ({kind}) cannot be made: {error}") from error

    def _write_record(self) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(self._created))
        draft.replace(self._file)

    def _warn_of_replacement(self, logical_id: str, record: Json, created: CreatedResource) -> None:
        """Log that a resource has a new name, unless only the port of the endpoint changed."""
        if record is None or record["ref"] == created.ref:
            return
        if record.get("endpoint_url") == self._context.cloud.endpoint_url:
            _log.warning("%s is now %s; %s is left", logical_id, created.ref, record["ref"])

    def _warn_of_leftovers(self, resources: Mapping[str, Json]) -> None:
        for logical_id in sorted(set(self._created) - set(resources)):
            ref = self._created[logical_id]["ref"]
            _log.warning("%s is no longer in the template; %s is left", logical_id, ref)


def _fingerprint(kind: str, properties: Json) -> str:
    """Return a hash that changes when a resource must be updated."""
    text = json.dumps([kind, properties], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_record(file: Path) -> dict[str, Json]:
    """Return the record of what was created; an unreadable one is rebuilt by this start."""
    try:
        record: dict[str, Json] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        _log.warning("%s cannot be read (%s); every resource is looked at again", file, error)
        return {}
    return record
