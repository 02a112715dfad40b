"""The template of a package: plain CloudFormation that takes its bundles from one bucket."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException

from infra.packaging.manifest import ARTIFACTS_BUCKET
from infra.packaging.targets import PackagingError
from infra.synthesis.cache import SynthesisError, cached_synthesis
from infra.synthesis.template import inline_definitions, translate

Template = dict[str, Any]

FUNCTION = "AWS::Serverless::Function"
_BUCKET = {
    "Type": "String",
    "MinLength": 3,
    "MaxLength": 63,
    "Description": "The bucket that holds the bundles of the functions.",
}


def merged(project: Path, stage: str, region: str) -> Template:
    """Return the SAM template of a stage; raise PackagingError if it cannot be made."""
    try:
        output = cached_synthesis(project, "--merged", "--stage", stage, "--region", region)
    except SynthesisError as error:
        raise PackagingError(str(error)) from error
    template: Template = json.loads(output)
    return template


def handlers(template: Template) -> dict[str, str]:
    """Return the handler of each function of a SAM template, by logical id."""
    return {
        name: resource["Properties"]["Handler"]
        for name, resource in sorted(template["Resources"].items())
        if resource["Type"] == FUNCTION
    }


def sam(template: Template, file_of: Callable[[str], str]) -> Template:
    """Return a standalone SAM template whose code lies at `file_of` a handler."""
    whole = inline_definitions(template)
    _set_code(whole, file_of)
    return whole


def plain(
    template: Template,
    stage: str,
    region: str,
    architecture: str,
    key_of: Callable[[str], str],
) -> Template:
    """Return the CloudFormation template of a package for one architecture.

    `key_of` gives the key of a handler's bundle in the artifacts bucket. SAM sees it because it
    names published versions by their code.

    Raises:
        PackagingError: SAM refuses the template.
    """
    whole = copy.deepcopy(template)
    whole["Parameters"][ARTIFACTS_BUCKET] = dict(_BUCKET)
    whole["Parameters"]["Architecture"] |= {
        "Default": architecture,
        "AllowedValues": [architecture],
        "Description": "What the bundles were made for; another one needs another package.",
    }
    _set_code(whole, lambda handler: {"Bucket": {"Ref": ARTIFACTS_BUCKET}, "Key": key_of(handler)})
    try:
        return translate(whole, stage, region)
    except InvalidDocumentException as error:
        raise PackagingError(f"SAM does not take the template: {error.message}") from error


def _set_code(template: Template, code: Callable[[str], str | Mapping[str, Any]]) -> None:
    for resource in template["Resources"].values():
        if resource["Type"] == FUNCTION:
            resource["Properties"]["CodeUri"] = code(resource["Properties"]["Handler"])
