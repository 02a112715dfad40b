"""Preflight checks of the package itself, which need no account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.cloudformation.errors import TemplateError
from infra.deployment.account import Account, Commands
from infra.deployment.artifacts import describe_artifact
from infra.deployment.package import StagePackage
from infra.deployment.preflight.findings import PreflightCheck, PreflightFinding, error
from infra.deployment.resource_names import template_scope

RUNTIME = "python3.13"
MAX_UNZIPPED = 262_144_000
"""Bytes that a function may have unpacked.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
MAX_TEMPLATE = 1_048_576
"""Bytes of a template in S3.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""
MAX_RESOURCES = 500


@dataclass(frozen=True, slots=True)
class DeploymentRequest:
    """A package, the target stage, and the given parameters."""

    stage: str
    region: str
    package: StagePackage
    given: Mapping[str, str]
    profile: str | None = None

    @property
    def again(self) -> str:
        """Return the command that makes the package again."""
        return Commands(self.region, self.profile).package(self.stage)


def _destination(wish: DeploymentRequest) -> Iterator[PreflightFinding]:
    package = wish.package
    if package.manifest.stage != wish.stage:
        yield error(
            f"The package is for the stage {package.manifest.stage}, not {wish.stage}",
            "Names and the API's path carry the stage.",
            wish.again,
        )
    if wish.region and package.manifest.region != wish.region:
        yield error(
            f"The package is for the region {package.manifest.region}, not {wish.region}",
            "SAM was told the region when it made the template.",
            wish.again,
        )


def _bundles(wish: DeploymentRequest) -> Iterator[PreflightFinding]:
    package = wish.package
    for bundle in package.manifest.functions:
        if bundle.unzipped_bytes > MAX_UNZIPPED:
            yield error(
                f"The bundle of {bundle.name} has {bundle.unzipped_bytes:,} bytes unpacked",
                f"Lambda takes {MAX_UNZIPPED:,}.",
                "Take something out of the function's requirements.in, and package again.",
            )
    expected = {function.file: function.sha256 for function in package.manifest.functions}
    expected[package.manifest.template] = package.manifest.template_sha256
    for name, sha256 in expected.items():
        file = package.folder / name
        if not file.is_file() or describe_artifact(file, "").sha256 != sha256:
            yield error(
                f"{file} is not the file that the manifest describes",
                "It was changed, or the packaging was cut off.",
                wish.again,
            )


def _template(wish: DeploymentRequest) -> Iterator[PreflightFinding]:
    package = wish.package
    size, count = package.template_file.stat().st_size, len(package.template["Resources"])
    limits = "CloudFormation takes no more."
    if size > MAX_TEMPLATE:
        what = f"The template has {size:,} bytes of at most {MAX_TEMPLATE:,}"
        yield error(what, limits, "Make it smaller: infra/template.")
    if count > MAX_RESOURCES:
        what = f"The template has {count} resources of at most {MAX_RESOURCES}"
        yield error(what, limits, "Take some out: infra/template.")
    others = sorted(package.runtimes() - {RUNTIME})
    if others:
        yield error(
            f"Functions are for {', '.join(others)}",
            f"The bundles are made for {RUNTIME}.",
            wish.again,
        )


def _parameters(wish: DeploymentRequest) -> Iterator[PreflightFinding]:
    own = wish.package.own_parameters(_NOWHERE)
    taken = sorted(set(own) & set(wish.given))
    if taken:
        yield error(
            f"--parameter sets {', '.join(taken)}",
            "The package and the account say what these are.",
            "Leave them out; --stage, --region and --package decide.",
        )
    try:
        template_scope(wish.package.template, {**wish.given, **own}, _NOWHERE)
    except TemplateError as wrong:
        declared = sorted(set(wish.package.template.get("Parameters", {})) - set(own))
        yield error(
            str(wrong),
            "The template says what its parameters may be.",
            f"--parameter NAME=VALUE, with a NAME of {', '.join(declared)}",
        )


_NOWHERE = Account("000000000000", "us-east-1", "aws", "", lambda service: None)
"""Stands for any account where only the template's own rules are asked."""

CHECKS: tuple[PreflightCheck[DeploymentRequest], ...] = (
    PreflightCheck("Package", _destination),
    PreflightCheck("Bundles", _bundles),
    PreflightCheck("Template", _template),
    PreflightCheck("Parameters", _parameters),
)
