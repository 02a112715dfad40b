"""A function that runs a model, asked in a process that has loaded nothing yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def answered_afresh(name: str, models_dir: Path) -> Any:
    """Return what function `name` answers to its sample; it must load no client to do so."""
    sample = ROOT / "functions" / name / "event.json"
    program = (
        "import json, sys\n"
        f"from functions.{name}.handler import handler\n"
        f"result = handler(json.load(open({str(sample)!r})), None)\n"
        "heavy = sorted({'boto3', 'chalice', 'moto', 'torch'} & set(sys.modules))\n"
        "print()\n"
        "print(json.dumps({'result': result, 'heavy': heavy}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "HEADRACE_MODELS_DIR": str(models_dir)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["heavy"] == []
    return answer["result"]
