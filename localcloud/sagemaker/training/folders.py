"""The folders of a job, laid as SageMaker's contract has them, and its variables.

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

HOST = "algo-1"
_OF_THE_TOOLKIT = ("sagemaker_", "_tuning_objective_metric")
"""Hyperparameters that begin so are not handed to the program by the toolkit."""
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Folders:
    """What stands for /opt/ml. The program lies in `code`."""

    root: Path

    @property
    def code(self) -> Path:
        """Return the folder of the program."""
        return self.root / "code"

    @property
    def model(self) -> Path:
        """Return the folder of what the job makes."""
        return self.root / "model"

    @property
    def checkpoints(self) -> Path:
        """Return the folder that goes to S3 while the job runs."""
        return self.root / "checkpoints"

    @property
    def output(self) -> Path:
        """Return the folder of what else the job makes."""
        return self.root / "output" / "data"

    def channel(self, name: str) -> Path:
        """Return the folder of a channel."""
        return self.root / "input" / "data" / name

    def lay(self, asked: Mapping[str, Any]) -> None:
        """Make the folders anew, with the configuration of a CreateTrainingJob request."""
        shutil.rmtree(self.root, ignore_errors=True)
        config = self.root / "input" / "config"
        for folder in (config, self.code, self.model, self.checkpoints, self.output):
            folder.mkdir(parents=True)
        instance = asked["ResourceConfig"].get("InstanceType", "")
        documents = {
            "hyperparameters": asked.get("HyperParameters", {}),
            "inputdataconfig": {
                each["ChannelName"]: {
                    "TrainingInputMode": "File",
                    "S3DistributionType": "FullyReplicated",
                    "RecordWrapperType": "None",
                }
                for each in asked.get("InputDataConfig", ())
            },
            "resourceconfig": {
                "current_host": HOST,
                "hosts": [HOST],
                "current_instance_type": instance,
            },
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")

    def failure(self) -> str:
        """Return what the program left as its reason, or nothing."""
        path = self.root / "output" / "failure"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    def variables(self, asked: Mapping[str, Any]) -> dict[str, str]:
        """Return what the toolkit sets for the program."""
        channels = [each["ChannelName"] for each in asked.get("InputDataConfig", ())]
        hyperparameters = {
            name: value
            for name, value in asked.get("HyperParameters", {}).items()
            if not name.startswith(_OF_THE_TOOLKIT)
        }
        return {
            **plain_variables(self.root),
            "SM_MODEL_DIR": str(self.model),
            "SM_OUTPUT_DATA_DIR": str(self.output),
            "SM_HPS": json.dumps(hyperparameters),
            "SM_CHANNELS": json.dumps(channels),
            **{f"SM_CHANNEL_{name.upper()}": str(self.channel(name)) for name in channels},
            "SM_HOSTS": json.dumps([HOST]),
            "SM_CURRENT_HOST": HOST,
            "SM_NUM_GPUS": "0",
            "SM_NUM_CPUS": str(os.cpu_count() or 1),
            "TRAINING_JOB_NAME": asked["TrainingJobName"],
        }


def plain_variables(root: Path) -> dict[str, str]:
    """Return what every program has: little of this machine, one thread, and its /opt/ml."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(root),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(_ONE_THREAD, "1"),
        "HEADRACE_ML_ROOT": str(root),
    }
