"""Small packages, as `headrace package` writes them."""

from __future__ import annotations

import copy
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.packaging.manifest import Manifest, PackagedFunction

Template = dict[str, Any]

SMALL: Template = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {
        "Stage": {"Type": "String", "AllowedPattern": "^[a-z][a-z0-9]{1,11}$"},
        "Architecture": {"Type": "String", "Default": "arm64", "AllowedValues": ["arm64"]},
        "ArtifactsBucket": {"Type": "String"},
        "ChatModelId": {"Type": "String", "Default": "amazon.nova-micro-v1:0"},
        "MaxFileBytes": {"Type": "Number", "Default": 1000, "MinValue": 1, "MaxValue": 5000},
    },
    "Resources": {
        "DocumentsBucket": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "Properties": {
                "BucketName": {
                    "Fn::Sub": "headrace-${Stage}-documents-${AWS::AccountId}-${AWS::Region}"
                },
                "VersioningConfiguration": {"Status": "Enabled"},
            },
        },
        "RecordsTable": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "Properties": {
                "TableName": {"Fn::Sub": "headrace-${Stage}-records"},
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        },
        "FunctionLogs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Fn::Sub": "/headrace/${Stage}/functions"}},
        },
    },
    "Outputs": {"RecordsTableName": {"Value": {"Ref": "RecordsTable"}}},
}


def write_package(
    folder: Path,
    template: Mapping[str, Any] = SMALL,
    *,
    stage: str = "dev",
    region: str = "eu-central-1",
    content: str = "x = 1\n",
    unzipped_bytes: int | None = None,
) -> Path:
    """Write a package whose functions share one bundle that holds `content`; return its folder."""
    (folder / "functions").mkdir(parents=True, exist_ok=True)
    bundle = folder / "functions" / "all.zip"
    with zipfile.ZipFile(bundle, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("handler.py"), content)
    sha256 = hashlib.sha256(bundle.read_bytes()).hexdigest()
    key = f"functions/all-{sha256}.zip"
    whole = json.loads(json.dumps(template))
    functions = [n for n, r in whole["Resources"].items() if r["Type"] == "AWS::Lambda::Function"]
    for name in functions:
        code = {"S3Bucket": {"Ref": "ArtifactsBucket"}, "S3Key": key}
        whole["Resources"][name]["Properties"]["Code"] = code
    # JSON may begin with a tab and YAML may not: moto tries YAML first, which takes seconds.
    text = "\t" + json.dumps(whole)
    (folder / "template.json").write_text(text)
    packaged = tuple(
        PackagedFunction(
            logical_id=name,
            name="all",
            file="functions/all.zip",
            key=key,
            sha256=sha256,
            zipped_bytes=bundle.stat().st_size,
            unzipped_bytes=len(content) if unzipped_bytes is None else unzipped_bytes,
        )
        for name in functions or ["Nothing"]
    )
    digest = hashlib.sha256(text.encode()).hexdigest()
    Manifest(stage, region, "arm64", "template.json", digest, packaged).write(folder)
    return folder


def with_resources(**resources: Any) -> dict[str, Any]:
    """The small template with more resources."""
    template = copy.deepcopy(SMALL)
    template["Resources"].update(resources)
    return template
