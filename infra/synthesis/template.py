"""Synthesis of one CloudFormation template from the app and the written template.

Chalice describes the functions that `app.py` binds, `infra/template.yaml` and its rooms the rest;
both are merged as `chalice package --merge-template` merges them, state machine files are put in,
and SAM's own translator turns the whole into plain CloudFormation. AWS and the local cloud read the
same result.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
from chalice.awsclient import TypedAWSClient
from chalice.cli.factory import CLIFactory
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import (
    BaseDeployStep,
    BuildStage,
    InjectDefaults,
    LambdaEventSourcePolicyInjector,
    PolicyGenerator,
    SwaggerBuilder,
)
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import (
    PackageOptions,
    ResourceBuilder,
    SAMTemplateGenerator,
    TemplateDeepMerger,
)
from chalice.policy import AppPolicyGenerator
from chalice.utils import OSUtils
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from chalicelib.generation.catalogue import catalogue
from infra.openapi.gateway import catch_unknown_routes, require_json_bodies
from infra.synthesis.snapstart import snap_start, snap_start_prices
from infra.synthesis.sources import add_defaults, read_sources
from infra.synthesis.state_machines import read_definition
from infra.synthesis.transforms import insert_model_functions, insert_served_models, narrow_roles

Template = dict[str, Any]

RUNTIME = "python3.13"
_CODE = "s3://code/functions.zip"
"""SAM wants the code in S3; where it really lies is the reader's business, not the template's."""
_DEFINITIONS = "definitions"
"""SAM wants an address in S3 of a state machine's definition; this one says to read the file."""


class _CodeStaysWhereItIs(BaseDeployStep):
    """Replacement for Chalice's packaging step that builds no package."""

    def handle_deploymentpackage(self, config: object, resource: Any) -> None:
        resource.filename = _CODE


def chalice_template(project: Path, stage: str, region: str) -> Template:
    """Return the SAM template of the functions in `app.py`, without building a package."""
    config = _config(project, stage)
    system = OSUtils()
    steps = BuildStage(
        [
            InjectDefaults(),
            _CodeStaysWhereItIs(),
            PolicyGenerator(AppPolicyGenerator(system), system),
            SwaggerBuilder(CFNSwaggerGenerator()),
            LambdaEventSourcePolicyInjector(),
        ]
    )
    session = botocore.session.get_session()
    session.set_config_variable("region", region)
    session.set_credentials("synthesis", "synthesis")
    builder = ResourceBuilder(ApplicationGraphBuilder(), DependencyBuilder(), steps)
    generator = SAMTemplateGenerator(config, PackageOptions(TypedAWSClient(session)))
    template: Template = generator.generate(builder.construct_resources(config, stage))
    return template


def _config(project: Path, stage: str) -> Any:
    return CLIFactory(str(project)).create_config_obj(chalice_stage_name=stage)


def merged_template(project: Path, stage: str, region: str) -> Template:
    """Return the whole SAM template: Chalice's, with the written template merged in."""
    ours = read_sources(project)
    add_defaults(ours, project, stage)
    merged: Template = TemplateDeepMerger().merge(ours, chalice_template(project, stage, region))
    insert_served_models(merged)
    insert_model_functions(merged)
    api = merged["Resources"].get("RestAPI")
    if api is not None:
        routes = _config(project, stage).chalice_app.routes
        require_json_bodies(api["Properties"]["DefinitionBody"], routes)
        catch_unknown_routes(api["Properties"]["DefinitionBody"])
    for resource in merged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Runtime"] = RUNTIME
            resource["Properties"]["CodeUri"] = _CODE
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = {
                "Bucket": _DEFINITIONS,
                "Key": resource["Properties"]["DefinitionUri"],
            }
    return merged


def _inline_definitions(template: Template) -> None:
    """Replace each address of a definition by the file's content, as an object.

    SAM would join it line by line into one string, which neither people nor cfn-lint read.
    """
    for resource in template["Resources"].values():
        address = resource.get("Properties", {}).get("DefinitionS3Location", {})
        if address.get("Bucket") == _DEFINITIONS:
            del resource["Properties"]["DefinitionS3Location"]
            resource["Properties"]["Definition"] = read_definition(Path(address["Key"]))


def plain_template(
    project: Path, stage: str, region: str, parameters: Mapping[str, str] | None = None
) -> Template:
    """Return the CloudFormation template of `stage`, with SAM's types translated.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: SAM refuses it.
    """
    return translate(merged_template(project, stage, region), stage, region, parameters)


def translate(
    merged: Template, stage: str, region: str, parameters: Mapping[str, str] | None = None
) -> Template:
    """Return a merged template with SAM's types translated and state machines put in.

    Raises:
        samtranslator.model.exceptions.InvalidDocumentException: SAM refuses it.
    """
    values = {"Stage": stage, **(parameters or {})}
    translator = Translator({}, Parser(), boto_session=_Region(region))
    plain: Template = translator.translate(merged, values)
    _inline_definitions(plain)
    narrow_roles(plain)
    return plain


def inline_definitions(merged: Template) -> Template:
    """Return a merged template whose state machines hold their definitions, not addresses.

    SAM reads both; a reader of the template alone does not have the files.
    """
    whole = copy.deepcopy(merged)
    for resource in whole["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            address = resource["Properties"].pop("DefinitionUri")
            resource["Properties"]["Definition"] = read_definition(Path(address["Key"]))
    return whole


class _Region:
    """Substitute for the boto session that SAM asks for the region."""

    def __init__(self, region: str) -> None:
        self.region_name = region

    def get_partition_for_region(self, region: str) -> str:
        return "aws"


def apply_snap_start(template: Template, functions: list[str]) -> None:
    """Apply SnapStart to `functions`, and print its costs."""
    if not functions:
        return
    snap_start(template, functions)
    for price in snap_start_prices(template, functions, catalogue()):
        print(price, file=sys.stderr)  # noqa: T201 - standard output is the template
