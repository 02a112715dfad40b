"""An account on moto, into which the stage's own template is deployed and taken down again."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.deployment.account import Account, identify
from infra.deployment.deployment import DeploymentResult, DeployOptions, deploy, remove_old_bundles
from infra.deployment.package import read_package
from infra.deployment.preflight.package_checks import DeploymentRequest
from infra.deployment.preflight.run import require_preflight
from infra.deployment.removal.inventory import StageInventory, take_inventory
from infra.deployment.removal.removal import StageRemoval
from tests.architecture.templates import plain
from tests.integration.deployment.cutting import Template, cut
from tests.unit.infra.deployment.aws import ACCOUNT, NO_SERVICE_RESOURCES, REGION, Answer, Aws
from tests.unit.infra.deployment.driving import QUIET
from tests.unit.infra.deployment.packages import write_package
from tests.unit.infra.deployment.voices import Heard

STAGE = "dev"
BUCKET = f"headrace-{STAGE}-documents-{ACCOUNT}-{REGION}"
TABLE = f"headrace-{STAGE}-records"
VECTORS = f"headrace-{STAGE}-vectors-{ACCOUNT}"

BESIDE_MOTO: Mapping[str, Answer] = NO_SERVICE_RESOURCES | {
    name: QUIET[name]
    for name in (
        # What moto does not have.
        "account.GetRegionOptStatus",
        "apigateway.GetAccount",
        "bedrock.GetFoundationModel",
        "bedrock.GetFoundationModelAvailability",
        "iam.SimulatePrincipalPolicy",
        "lambda.GetAccountSettings",
        # moto denies every call by a policy that denies those without TLS.
        "s3.PutBucketPolicy",
    )
}


@functools.cache
def template() -> Template:
    """The template of the stage, cut."""
    return cut(plain(STAGE), STAGE)


@dataclass
class World:
    """One account. Deploys packages that are written below `folder`."""

    folder: Path
    aws: Aws = field(default_factory=lambda: Aws(BESIDE_MOTO, behind=True))
    voice: Heard = field(default_factory=Heard)
    number: int = 0

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def deploy(
        self,
        changed: Template | None = None,
        choices: DeployOptions | None = None,
        parameters: Mapping[str, str] | None = None,
        content: str = "x = 1\n",
    ) -> DeploymentResult | None:
        """Look, propose, execute; the template is `changed`, the bundles hold `content`."""
        self.number += 1
        folder = write_package(
            self.folder / str(self.number), changed or template(), content=content
        )
        wish = DeploymentRequest(STAGE, REGION, read_package(folder), parameters or {})
        plan = require_preflight(self.aws.client, wish, self.voice)
        deployed = deploy(plan, choices or DeployOptions(yes=True), self.voice, self.sleep)
        if deployed is not None:
            remove_old_bundles(deployed, self.voice)
        return deployed

    def inventory(self) -> StageInventory:
        return take_inventory(self.account, STAGE)

    def destroy(self) -> list[str]:
        return StageRemoval(self.account, self.voice, self.sleep).run(self.inventory())

    @property
    def account(self) -> Account:
        return identify(self.aws.client)

    def sleep(self, seconds: float) -> None:
        raise AssertionError("moto does everything at once; nothing has to be waited for")

    def make_vector_bucket(self) -> None:
        """Make what moto's CloudFormation cannot."""
        self.client("s3vectors").create_vector_bucket(vectorBucketName=VECTORS)
