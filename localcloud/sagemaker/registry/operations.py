"""The operations on model package groups and model packages.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.registry.store import ModelPackage, ModelPackageGroup, ModelPackageStore
from localcloud.sagemaker.requests import check_name, check_unsupported, list_page, validation_error
from localcloud.service import CloudContext, Params, Result

_DEFAULT_APPROVAL = "PendingManualApproval"
_UNSUPPORTED_IN_GROUP = ("ManagedConfiguration",)
_UNSUPPORTED_IN_PACKAGE = (
    "ModelPackageName",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "CertifyForMarketplace",
    "ModelLifeCycle",
    "SecurityConfig",
    "ManagedStorageType",
    "ModelPackageRegistrationType",
)
_UPDATABLE_FIELDS = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
)
_UNSUPPORTED_IN_UPDATE = (
    "AdditionalInferenceSpecificationsToAdd",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)


class RegistryOperations:
    """The operations of the model registry."""

    def __init__(self, surroundings: CloudContext, packages: ModelPackageStore) -> None:
        """Store groups and packages in `packages`."""
        self._surroundings = surroundings
        self._packages = packages

    def create_model_package_group(self, params: Params) -> Result:
        """Create a group."""
        check_unsupported(params, _UNSUPPORTED_IN_GROUP)
        name = params["ModelPackageGroupName"]
        check_name(name)
        if not self._packages.add_group(name, dict(params)):
            raise validation_error(f"Model Package Group already exists: {self._group_arn(name)}")
        return {"ModelPackageGroupArn": self._group_arn(name)}

    def describe_model_package_group(self, params: Params) -> Result:
        """Return the description of a group."""
        group = self._get_group(params["ModelPackageGroupName"])
        return {**self._group_summary(group), "CreatedBy": {}}

    def list_model_package_groups(self, params: Params) -> Result:
        """List groups, newest first by default."""
        check_unsupported(params, ("CrossAccountFilterOption",))
        groups = self._packages.groups()
        return list_page(params, "ModelPackageGroupSummaryList", groups, self._group_summary)

    def delete_model_package_group(self, params: Params) -> Result:
        """Delete a group that has no packages."""
        group = self._get_group(params["ModelPackageGroupName"])
        if self._packages.all(group.name):
            raise AwsError(
                "ConflictException", f"The group {group.name} has versions; delete them."
            )
        self._packages.remove_group(group.name)
        return {}

    def create_model_package(self, params: Params) -> Result:
        """Create the next version of a group; a repeated ClientToken returns the same one."""
        check_unsupported(params, _UNSUPPORTED_IN_PACKAGE)
        if "ModelPackageGroupName" not in params:
            raise validation_error("The local cloud keeps versions; give a ModelPackageGroupName.")
        group = self._get_group(params["ModelPackageGroupName"])
        request = {name: value for name, value in params.items() if name != "ClientToken"}
        request.setdefault("ModelApprovalStatus", _DEFAULT_APPROVAL)
        package = self._packages.add(group, request, params.get("ClientToken"))
        return {"ModelPackageArn": self._arn(package)}

    def describe_model_package(self, params: Params) -> Result:
        """Return the description of a package, given by its ARN."""
        package = self._get_package(params["ModelPackageName"])
        description = {name: value for name, value in package.request.items() if name != "Tags"}
        return {
            **description,
            **self._summary(package),
            "ModelPackageName": f"{package.group}/{package.number}",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "LastModifiedTime": utc(package.modified_at),
            "CertifyForMarketplace": False,
        }

    def list_model_packages(self, params: Params) -> Result:
        """List packages, newest first by default."""
        if params.get("ModelPackageType", "Versioned") != "Versioned":
            raise validation_error(
                "The local cloud keeps versions alone; ModelPackageType is Versioned."
            )
        group_name = params.get("ModelPackageGroupName")
        of_group = self._get_group(group_name).name if group_name else None
        approval = params.get("ModelApprovalStatus")
        packages = [
            each
            for each in self._packages.all(of_group)
            if approval in (None, each.request["ModelApprovalStatus"])
        ]
        return list_page(params, "ModelPackageSummaryList", packages, self._summary)

    def update_model_package(self, params: Params) -> Result:
        """Approve or reject a package, or change its metadata."""
        check_unsupported(params, _UNSUPPORTED_IN_UPDATE)
        package = self._get_package(params["ModelPackageArn"])
        removed = set(params.get("CustomerMetadataPropertiesToRemove", ()))
        metadata = {
            **package.request.get("CustomerMetadataProperties", {}),
            **params.get("CustomerMetadataProperties", {}),
        }
        changes = {name: params[name] for name in _UPDATABLE_FIELDS if name in params}
        remaining = {name: value for name, value in metadata.items() if name not in removed}
        self._packages.update(
            package, {**package.request, **changes, "CustomerMetadataProperties": remaining}
        )
        return {"ModelPackageArn": self._arn(package)}

    def delete_model_package(self, params: Params) -> Result:
        """Delete a package."""
        self._packages.remove(self._get_package(params["ModelPackageName"]))
        return {}

    def _get_group(self, identifier: str) -> ModelPackageGroup:
        """Return the group with a name or an ARN."""
        group = self._packages.group(identifier.rpartition("/")[2])
        if group is None:
            raise validation_error(
                f"ModelPackageGroup {self._group_arn(identifier)} does not exist."
            )
        return group

    def _get_package(self, identifier: str) -> ModelPackage:
        """Return the package with the ARN …:model-package/GROUP/NUMBER."""
        name, _, number = (
            identifier.rpartition(":")[2].removeprefix("model-package/").partition("/")
        )
        package = self._packages.get(name, int(number)) if number.isdecimal() else None
        if package is None:
            raise validation_error(f"ModelPackage {identifier} does not exist.")
        return package

    def _group_arn(self, name: str) -> str:
        return self._surroundings.arn("sagemaker", f"model-package-group/{name.lower()}")

    def _arn(self, package: ModelPackage) -> str:
        name = f"model-package/{package.group.lower()}/{package.number}"
        return self._surroundings.arn("sagemaker", name)

    def _group_summary(self, group: ModelPackageGroup) -> dict[str, Any]:
        description = group.request.get("ModelPackageGroupDescription")
        return {
            "ModelPackageGroupName": group.name,
            "ModelPackageGroupArn": self._group_arn(group.name),
            "CreationTime": utc(group.created_at),
            "ModelPackageGroupStatus": "Completed",
            **({"ModelPackageGroupDescription": description} if description else {}),
        }

    def _summary(self, package: ModelPackage) -> dict[str, Any]:
        description = package.request.get("ModelPackageDescription")
        return {
            "ModelPackageGroupName": package.group,
            "ModelPackageVersion": package.number,
            "ModelPackageArn": self._arn(package),
            "CreationTime": utc(package.created_at),
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": package.request["ModelApprovalStatus"],
            **({"ModelPackageDescription": description} if description else {}),
        }
