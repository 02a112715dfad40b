"""What is found of a stage by name alone, once its stack is gone."""

from __future__ import annotations

from infra.deployment import resource_names
from infra.deployment.account import Account
from infra.deployment.removal.inventory import PROJECT
from infra.deployment.resource_names import named_resources, template_scope
from infra.synthesis.sources import read_sources
from tests.architecture.templates import plain
from tests.unit.infra.deployment.aws import ACCOUNT, PRINCIPAL, REGION

HERE = Account(ACCOUNT, REGION, "aws", PRINCIPAL, lambda service: None)
FOUND_BY_TAG = {resource_names.KEY}
SHARED = {"AWS::ApiGateway::Account", "AWS::IAM::Role"}
"""Retained for the account's other APIs: `headrace destroy` leaves them, and says so."""


def test_the_written_template_names_what_the_deployed_one_does() -> None:
    deployed, written = plain("dev"), read_sources(PROJECT)
    known = {"Stage": "dev", "ArtifactsBucket": HERE.artifacts_bucket}
    given = {name: value for name, value in known.items() if name in deployed["Parameters"]}

    by_deployed = named_resources(deployed, template_scope(deployed, given, HERE), every=True)
    by_written = named_resources(
        written, template_scope(written, {"Stage": "dev"}, HERE), every=True
    )

    assert {each.name for each in by_deployed} == {each.name for each in by_written}


def test_everything_that_is_retained_is_found_without_the_stack() -> None:
    deployed, written = plain("dev"), read_sources(PROJECT)
    found = named_resources(written, template_scope(written, {"Stage": "dev"}, HERE), every=True)
    retained = {
        name: resource["Type"]
        for name, resource in deployed["Resources"].items()
        if resource.get("DeletionPolicy", "Delete") != "Delete" and resource["Type"] not in SHARED
    }

    by_name = {each.logical_id for each in found}
    lost = {n for n, kind in retained.items() if n not in by_name and kind not in FOUND_BY_TAG}
    assert lost == set()
    assert set(retained.values()) <= resource_names.DATA


def test_stages_do_not_meet() -> None:
    written = read_sources(PROJECT)
    dev, dev2 = (
        {
            each.name
            for each in named_resources(
                written, template_scope(written, {"Stage": s}, HERE), every=True
            )
        }
        for s in ("dev", "dev2")
    )
    assert dev.isdisjoint(dev2)
    assert all("dev" in name for name in dev)
