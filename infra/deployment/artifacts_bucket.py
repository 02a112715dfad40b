"""Creation and removal of the artifacts bucket, with waits while S3 is not ready."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.account import Account
from infra.deployment.console import Console
from infra.deployment.failures import DeploymentError, code_of, is_denied

_UNSETTLED = frozenset({"NoSuchBucket", "OperationAborted"})
"""Error codes of S3 for a bucket that was removed, or made, a moment ago.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
_SETTLING_SECONDS = 15.0
_ATTEMPTS = 41
_LIFECYCLE = {
    "Rules": [
        {
            "ID": "AbortUploadsThatStopped",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "ForgetTemplates",
            "Status": "Enabled",
            "Filter": {"Prefix": "templates/"},
            "Expiration": {"Days": 30},
        },
    ]
}


@dataclass(frozen=True, slots=True)
class ArtifactsBucket:
    """The artifacts bucket of one account and region."""

    account: Account

    @property
    def name(self) -> str:
        """Return the bucket's name."""
        return self.account.artifacts_bucket

    @property
    def s3(self) -> Any:
        """Return the S3 client."""
        return self.account.client("s3")

    @property
    def own(self) -> dict[str, str]:
        """Return the owner check of every call, so that nothing is put into a stranger's bucket."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.account.id}

    def exists(self) -> bool:
        """Return whether the bucket exists.

        Raises:
            DeploymentError: it belongs to another account.
        """
        try:
            self.s3.head_bucket(**self.own)
        except ClientError as error:
            if is_denied(error):
                raise DeploymentError(
                    f"The bucket {self.name} may not be used: it belongs to another account, or "
                    "s3:ListBucket is missing (infra/deployer-policy.json has it)."
                ) from error
            if code_of(error) in ("404", "NoSuchBucket"):
                return False
            raise
        return True

    def ensure(self, voice: Console, sleep: Callable[[float], None] = time.sleep) -> None:
        """Create the bucket if needed, and set it up: encrypted, private, TLS only.

        Raises:
            DeploymentError: its name is not free again within ten minutes of its removal.
        """
        for attempt in range(_ATTEMPTS):
            try:
                self._set_up()
                return
            except ClientError as error:
                if code_of(error) not in _UNSETTLED:
                    raise
            if not attempt:
                voice.line(
                    f"S3 is not done with the bucket {self.name}, which was removed or made a "
                    "moment ago; this waits up to ten minutes for it.",
                    "yellow",
                )
            if attempt < _ATTEMPTS - 1:
                sleep(_SETTLING_SECONDS)
        raise DeploymentError(
            f"S3 has not given the name {self.name} free in ten minutes; run the command again "
            "later."
        )

    def _create(self) -> None:
        where: dict[str, Any] = {}
        if self.account.region != "us-east-1":
            constraint = {"LocationConstraint": self.account.region}
            where = {"CreateBucketConfiguration": constraint}
        try:
            self.s3.create_bucket(Bucket=self.name, **where)
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise

    def _set_up(self) -> None:
        if not self.exists():
            self._create()
        self.s3.put_public_access_block(
            **self.own,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )
        encryption = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self.s3.put_bucket_encryption(
            **self.own, ServerSideEncryptionConfiguration={"Rules": [encryption]}
        )
        self.s3.put_bucket_lifecycle_configuration(**self.own, LifecycleConfiguration=_LIFECYCLE)
        self.s3.put_bucket_policy(**self.own, Policy=json.dumps(self._tls_only()))

    def _tls_only(self) -> dict[str, Any]:
        arn = f"arn:{self.account.partition}:s3:::{self.name}"
        statement = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    def remove(self) -> None:
        """Delete the bucket, which must be empty."""
        self.s3.delete_bucket(**self.own)
