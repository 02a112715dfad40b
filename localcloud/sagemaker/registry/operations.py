"""Groups of models and their versions: made, described, listed, approved, deleted.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.registry.versions import Group, Version, Versions
from localcloud.service import CloudContext, Params, Result

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_WAITS = "PendingManualApproval"
_NOT_OF_GROUPS = ("ManagedConfiguration",)
_NOT_OF_VERSIONS = (
    "ModelPackageName",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "CertifyForMarketplace",
    "ModelLifeCycle",
    "SecurityConfig",
    "ManagedStorageType",
    "ModelPackageRegistrationType",
)
_CHANGED = ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri")
_NOT_OF_CHANGES = (
    "AdditionalInferenceSpecificationsToAdd",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)


class RegistryOperations:
    """The registry."""

    def __init__(self, surroundings: CloudContext, versions: Versions) -> None:
        """Keep groups and versions in `versions`."""
        self._surroundings = surroundings
        self._versions = versions

    def create_model_package_group(self, params: Params) -> Result:
        """Keep a group."""
        refuse(params, _NOT_OF_GROUPS)
        name = params["ModelPackageGroupName"]
        if not _NAME.fullmatch(name):
            raise invalid(f"{name!r} is no name: at most 63 letters, digits, hyphens between them.")
        if not self._versions.add_group(name, dict(params)):
            raise invalid(f"Model Package Group already exists: {self._group_arn(name)}")
        return {"ModelPackageGroupArn": self._group_arn(name)}

    def describe_model_package_group(self, params: Params) -> Result:
        """Describe a group."""
        found = self._group(params["ModelPackageGroupName"])
        return {**self._group_summary(found), "CreatedBy": {}}

    def list_model_package_groups(self, params: Params) -> Result:
        """List groups, newest first unless asked otherwise."""
        refuse(params, ("CrossAccountFilterOption",))
        found = self._versions.groups()
        return listed(params, "ModelPackageGroupSummaryList", found, self._group_summary)

    def delete_model_package_group(self, params: Params) -> Result:
        """Forget a group that has no versions."""
        found = self._group(params["ModelPackageGroupName"])
        if self._versions.all(found.name):
            raise AwsError(
                "ConflictException", f"The group {found.name} has versions; delete them."
            )
        self._versions.remove_group(found.name)
        return {}

    def create_model_package(self, params: Params) -> Result:
        """Keep the next version of a group; the same one for the same ClientToken."""
        refuse(params, _NOT_OF_VERSIONS)
        if "ModelPackageGroupName" not in params:
            raise invalid("The local cloud keeps versions; give a ModelPackageGroupName.")
        group = self._group(params["ModelPackageGroupName"])
        asked = {name: value for name, value in params.items() if name != "ClientToken"}
        asked.setdefault("ModelApprovalStatus", _WAITS)
        made = self._versions.add(group, asked, params.get("ClientToken"))
        return {"ModelPackageArn": self._arn(made)}

    def describe_model_package(self, params: Params) -> Result:
        """Describe a version, by its ARN."""
        found = self._version(params["ModelPackageName"])
        shown = {name: value for name, value in found.asked.items() if name != "Tags"}
        return {
            **shown,
            **self._summary(found),
            "ModelPackageName": f"{found.of}/{found.number}",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "LastModifiedTime": utc(found.modified_at),
            "CertifyForMarketplace": False,
        }

    def list_model_packages(self, params: Params) -> Result:
        """List versions, newest first unless asked otherwise."""
        if params.get("ModelPackageType", "Versioned") != "Versioned":
            raise invalid("The local cloud keeps versions alone; ModelPackageType is Versioned.")
        named = params.get("ModelPackageGroupName")
        of = self._group(named).name if named else None
        wanted = params.get("ModelApprovalStatus")
        found = [
            each
            for each in self._versions.all(of)
            if wanted in (None, each.asked["ModelApprovalStatus"])
        ]
        return listed(params, "ModelPackageSummaryList", found, self._summary)

    def update_model_package(self, params: Params) -> Result:
        """Approve or reject a version, or change what is said of it."""
        refuse(params, _NOT_OF_CHANGES)
        found = self._version(params["ModelPackageArn"])
        gone = set(params.get("CustomerMetadataPropertiesToRemove", ()))
        told = {
            **found.asked.get("CustomerMetadataProperties", {}),
            **params.get("CustomerMetadataProperties", {}),
        }
        changes = {name: params[name] for name in _CHANGED if name in params}
        kept = {name: value for name, value in told.items() if name not in gone}
        self._versions.change(found, {**found.asked, **changes, "CustomerMetadataProperties": kept})
        return {"ModelPackageArn": self._arn(found)}

    def delete_model_package(self, params: Params) -> Result:
        """Forget a version."""
        self._versions.remove(self._version(params["ModelPackageName"]))
        return {}

    def _group(self, given: str) -> Group:
        """Return the group of a name or an ARN."""
        found = self._versions.group(given.rpartition("/")[2])
        if found is None:
            raise invalid(f"ModelPackageGroup {self._group_arn(given)} does not exist.")
        return found

    def _version(self, given: str) -> Version:
        """Return the version of an ARN, …:model-package/GROUP/NUMBER."""
        name, _, number = given.rpartition(":")[2].removeprefix("model-package/").partition("/")
        found = self._versions.get(name, int(number)) if number.isdecimal() else None
        if found is None:
            raise invalid(f"ModelPackage {given} does not exist.")
        return found

    def _group_arn(self, name: str) -> str:
        return self._surroundings.arn("sagemaker", f"model-package-group/{name.lower()}")

    def _arn(self, found: Version) -> str:
        name = f"model-package/{found.of.lower()}/{found.number}"
        return self._surroundings.arn("sagemaker", name)

    def _group_summary(self, found: Group) -> dict[str, Any]:
        told = found.asked.get("ModelPackageGroupDescription")
        return {
            "ModelPackageGroupName": found.name,
            "ModelPackageGroupArn": self._group_arn(found.name),
            "CreationTime": utc(found.created_at),
            "ModelPackageGroupStatus": "Completed",
            **({"ModelPackageGroupDescription": told} if told else {}),
        }

    def _summary(self, found: Version) -> dict[str, Any]:
        told = found.asked.get("ModelPackageDescription")
        return {
            "ModelPackageGroupName": found.of,
            "ModelPackageVersion": found.number,
            "ModelPackageArn": self._arn(found),
            "CreationTime": utc(found.created_at),
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": found.asked["ModelApprovalStatus"],
            **({"ModelPackageDescription": told} if told else {}),
        }
