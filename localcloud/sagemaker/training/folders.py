"""The folders and environment variables of a training job, by SageMaker's contract.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.sagemaker.jobs.program import HOST, base_environment

_TOOLKIT_PREFIXES = ("sagemaker_", "_tuning_objective_metric")
"""Prefixes of hyperparameters that the toolkit does not pass to the program."""


@dataclass(frozen=True, slots=True)
class TrainingFolders:
    """The folders of a training job below `root`, which takes the place of /opt/ml."""

    root: Path

    @property
    def code(self) -> Path:
        """The folder of the program."""
        return self.root / "code"

    @property
    def model(self) -> Path:
        """The folder of the model that the job writes."""
        return self.root / "model"

    @property
    def checkpoints(self) -> Path:
        """The folder that is uploaded while the job runs."""
        return self.root / "checkpoints"

    @property
    def output(self) -> Path:
        """The folder of the job's other outputs."""
        return self.root / "output" / "data"

    def channel(self, name: str) -> Path:
        """Return the folder of a channel."""
        return self.root / "input" / "data" / name

    def create(self, request: Mapping[str, Any]) -> None:
        """Create empty folders, and the configuration files of a CreateTrainingJob request."""
        shutil.rmtree(self.root, ignore_errors=True)
        config = self.root / "input" / "config"
        for folder in (config, self.code, self.model, self.checkpoints, self.output):
            folder.mkdir(parents=True)
        instance = request["ResourceConfig"].get("InstanceType", "")
        documents = {
            "hyperparameters": request.get("HyperParameters", {}),
            "inputdataconfig": {
                each["ChannelName"]: {
                    "TrainingInputMode": "File",
                    "S3DistributionType": "FullyReplicated",
                    "RecordWrapperType": "None",
                }
                for each in request.get("InputDataConfig", ())
            },
            "resourceconfig": {
                "current_host": HOST,
                "hosts": [HOST],
                "current_instance_type": instance,
            },
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")

    def read_failure(self) -> str:
        """Return the failure that the program wrote, or an empty string."""
        path = self.root / "output" / "failure"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def environment(self, request: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment variables that the toolkit sets for the program."""
        channels = [each["ChannelName"] for each in request.get("InputDataConfig", ())]
        hyperparameters = {
            name: value
            for name, value in request.get("HyperParameters", {}).items()
            if not name.startswith(_TOOLKIT_PREFIXES)
        }
        return {
            **base_environment(self.root),
            "SM_MODEL_DIR": str(self.model),
            "SM_OUTPUT_DATA_DIR": str(self.output),
            "SM_HPS": json.dumps(hyperparameters),
            "SM_CHANNELS": json.dumps(channels),
            **{f"SM_CHANNEL_{name.upper()}": str(self.channel(name)) for name in channels},
            "SM_HOSTS": json.dumps([HOST]),
            "SM_CURRENT_HOST": HOST,
            "SM_NUM_GPUS": "0",
            "SM_NUM_CPUS": str(os.cpu_count() or 1),
            "TRAINING_JOB_NAME": request["TrainingJobName"],
        }
