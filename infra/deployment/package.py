"""A package made by `headrace package`, read for a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cloudformation.intrinsics import TemplateScope
from infra.deployment.account import Account
from infra.deployment.artifacts import Artifact, describe_artifact
from infra.packaging.manifest import ARTIFACTS_BUCKET, Manifest
from infra.packaging.targets import PackagingError

ALIAS = "AWS::Lambda::Alias"
_FUNCTION = "AWS::Lambda::Function"
_API_STAGE = "AWS::ApiGateway::Stage"
_API_ACCOUNT = "AWS::ApiGateway::Account"


@dataclass(frozen=True, slots=True)
class StagePackage:
    """A folder with a template and the bundles that it names."""

    folder: Path
    manifest: Manifest
    template: Mapping[str, Any]

    @property
    def template_file(self) -> Path:
        """Return the path of the template."""
        return self.folder / self.manifest.template

    @property
    def zipped_bytes(self) -> int:
        """Return the bytes that Lambda stores for the functions; each has its own copy."""
        return sum(function.zipped_bytes for function in self.manifest.functions)

    def artifacts(self) -> list[Artifact]:
        """Return the files to upload for the functions; functions may share a bundle."""
        artifacts = {
            each.key: Artifact(self.folder / each.file, each.key, each.sha256, each.zipped_bytes)
            for each in self.manifest.functions
        }
        return list(artifacts.values())

    def template_artifact(self) -> Artifact:
        """Return the template as an artifact named by its hash."""
        hashed = describe_artifact(self.template_file, "")
        key = f"templates/{self.manifest.stage}-{hashed.sha256}.json"
        return Artifact(hashed.file, key, hashed.sha256, hashed.size)

    def own_parameters(self, account: Account) -> dict[str, str]:
        """Return the parameters that the package and the account decide."""
        known = {
            "Stage": self.manifest.stage,
            "Architecture": self.manifest.architecture,
            ARTIFACTS_BUCKET: account.artifacts_bucket,
        }
        declared = self.template.get("Parameters", {})
        return {name: value for name, value in known.items() if name in declared}

    def runtimes(self) -> set[str]:
        """Return the runtimes of the functions."""
        return {
            str(resource["Properties"].get("Runtime"))
            for resource in self.template["Resources"].values()
            if resource["Type"] == _FUNCTION
        }

    def aliases(self) -> set[str]:
        """Return the logical ids of the aliases, one for each function that has snapshots."""
        resources = self.template["Resources"].items()
        return {name for name, resource in resources if resource["Type"] == ALIAS}

    def sets_log_role(self, scope: TemplateScope) -> bool:
        """Return whether the stack sets the role that API Gateway writes logs with."""
        return bool(self._made(scope, _API_ACCOUNT))

    def writes_access_logs(self, scope: TemplateScope) -> bool:
        """Return whether the API's stage writes access logs."""
        stages = self._made(scope, _API_STAGE)
        return any(
            _resolve_or_keep(each["Properties"].get("AccessLogSetting"), scope) for each in stages
        )

    def _made(self, scope: TemplateScope, kind: str) -> list[Mapping[str, Any]]:
        return [
            resource
            for resource in self.template["Resources"].values()
            if resource["Type"] == kind
            and ("Condition" not in resource or scope.condition_holds(resource["Condition"]))
        ]


def _resolve_or_keep(value: Any, scope: TemplateScope) -> Any:
    """Return the branch that an `Fn::If` selects, or an empty string for `AWS::NoValue`."""
    if isinstance(value, dict) and "Fn::If" in value:
        name, held, otherwise = value["Fn::If"]
        return _resolve_or_keep(held if scope.condition_holds(name) else otherwise, scope)
    return None if value == {"Ref": "AWS::NoValue"} else value


def read_package(folder: Path) -> StagePackage:
    """Return the package in `folder`.

    Raises:
        PackagingError: there is none, or it is of another format.
    """
    manifest = Manifest.read(folder)
    file = folder / manifest.template
    try:
        template = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PackagingError(
            f"{file} cannot be read ({error}); make the package anew with `headrace package`."
        ) from error
    return StagePackage(folder, manifest, template)
