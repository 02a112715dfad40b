"""What jobs of every kind need of the rest of SageMaker here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.lambdas.process import ProcessSpawner
from localcloud.sagemaker.logs import ContainerLogs
from localcloud.sagemaker.roles import CheckRole
from localcloud.service import CloudContext


@dataclass(frozen=True, slots=True)
class Workplace:
    """Who starts processes and takes their lines; as whom they call, and whether they may.

    `s3_as` returns an S3 client that calls as a role, `identity` the variables by which a program
    signs its calls as one; both by the role's ARN.
    """

    surroundings: CloudContext
    spawner: ProcessSpawner
    logs: ContainerLogs
    s3_as: Callable[[str], Any]
    identity: Callable[[str], Mapping[str, str]]
    check_role: CheckRole
