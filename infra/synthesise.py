"""From the app and `infra/template.yaml` to one CloudFormation template.

Chalice describes the functions that `app.py` binds, `infra/template.yaml` everything else;
both are merged as `chalice package --merge-template` merges them, state machine files are put
in, and SAM's own translator turns the whole into plain CloudFormation. AWS and the local
cloud read the same result.
"""

from __future__ import annotations

import argparse
import json
import os
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
    YAMLTemplateSerializer,
)
from chalice.policy import AppPolicyGenerator
from chalice.utils import OSUtils
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

Template = dict[str, Any]

RUNTIME = "python3.13"
_CODE = "s3://code/functions.zip"
"""SAM wants the code in S3; where it really lies is the reader's business, not the template's."""
_DEFINITIONS = "definitions"
"""SAM wants an address in S3 of a state machine's definition; this one says to read the file."""


class _CodeStaysWhereItIs(BaseDeployStep):
    """Chalice's packaging step without the packaging."""

    def handle_deploymentpackage(self, config: object, resource: Any) -> None:
        resource.filename = _CODE


def chalice_template(project: Path, stage: str, region: str) -> Template:
    """Return the SAM template of what `app.py` binds, without building a package."""
    config = CLIFactory(str(project)).create_config_obj(chalice_stage_name=stage)
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


def merged_template(project: Path, stage: str, region: str) -> Template:
    """Return the SAM template of the whole: Chalice's, with `infra/template.yaml` merged in."""
    file = project / "infra" / "template.yaml"
    ours = YAMLTemplateSerializer().load_template(file.read_text(), str(file))
    merged: Template = TemplateDeepMerger().merge(ours, chalice_template(project, stage, region))
    for resource in merged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Runtime"] = RUNTIME
            resource["Properties"]["CodeUri"] = _CODE
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = {
                "Bucket": _DEFINITIONS,
                "Key": str((file.parent / resource["Properties"]["DefinitionUri"]).resolve()),
            }
    return merged


def _put_in_definitions(template: Template) -> None:
    """Replace each address of a definition by the file's content, as an object.

    SAM would join it line by line into one string, which neither people nor cfn-lint read.
    """
    for resource in template["Resources"].values():
        address = resource.get("Properties", {}).get("DefinitionS3Location", {})
        if address.get("Bucket") == _DEFINITIONS:
            del resource["Properties"]["DefinitionS3Location"]
            definition = json.loads(Path(address["Key"]).read_text())
            resource["Properties"]["Definition"] = definition


def plain_template(
    project: Path, stage: str, region: str, parameters: Mapping[str, str] | None = None
) -> Template:
    """Return the CloudFormation template of `stage`, with SAM's types translated.

    Raises `samtranslator.model.exceptions.InvalidDocumentException` when SAM refuses it.
    """
    merged = merged_template(project, stage, region)
    values = {"Stage": stage, **(parameters or {})}
    translator = Translator({}, Parser(), boto_session=_Region(region))
    translated: Template = translator.translate(merged, values)
    _put_in_definitions(translated)
    return translated


class _Region:
    """What SAM asks a boto session for: the region, and nothing else."""

    def __init__(self, region: str) -> None:
        self.region_name = region

    def get_partition_for_region(self, region: str) -> str:
        return "aws"


def main(arguments: list[str] | None = None) -> int:
    """Print the CloudFormation template of a stage as JSON."""
    parser = argparse.ArgumentParser(prog="python -m infra.synthesise", description=main.__doc__)
    parser.add_argument("--stage", default="local")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--project", type=Path, default=Path(__file__).parent.parent)
    chosen = parser.parse_args(arguments)
    os.environ["HEADRACE_STAGE"] = chosen.stage
    try:
        template = plain_template(chosen.project, chosen.stage, chosen.region)
    except InvalidDocumentException as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    json.dump(template, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
