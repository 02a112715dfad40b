"""What a bill is split by: every resource that costs names the part that it belongs to."""

from __future__ import annotations

from infra.synthesis.sources import files_of
from infra.synthesis.transforms import COMPONENT_TAG
from tests.architecture.ingest_definition import ROOT
from tests.architecture.templates import plain

BY_STACK_ALONE = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "free",
    "AWS::ApiGateway::RestApi": "its stage is what is billed",
    "AWS::Budgets::Budget": "free, and its tags have another name",
    "AWS::Events::Rule": "billed by what it targets",
    "AWS::IAM::Role": "free",
    "AWS::Lambda::EventSourceMapping": "billed as its queue",
}


def test_every_resource_that_costs_should_name_its_component() -> None:
    # Half a second's work, which no worker without this test should do.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

    rooms = {file.stem for file in files_of(ROOT)[1:]}
    for name, resource in plain("dev")["Resources"].items():
        kind = resource["Type"]
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        if not schema.get("tagging", {}).get("taggable", False) or kind in BY_STACK_ALONE:
            continue
        tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
        assert tags[COMPONENT_TAG] in rooms, name
