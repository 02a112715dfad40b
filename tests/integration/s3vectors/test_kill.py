"""What was acknowledged is there after a kill, once, in vectors and in text."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext
from tests.integration.s3vectors.worker import WHERE


def told_until_killed(folder: Path, lines: int) -> list[str]:
    command = [sys.executable, "-m", "tests.integration.s3vectors.worker", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told.extend(process.stdout)
    return [line for line in told if line.endswith("\n")]


@pytest.mark.parametrize("seed", range(4))
def test_acknowledged_writes_survive_a_kill(tmp_path: Path, seed: int) -> None:
    told = told_until_killed(tmp_path, random.Random(seed).randint(40, 900))
    allowed: dict[str, set[int]] = {}
    for line in told:
        word, key, told_number = line.split()
        if word == "done":
            allowed[key] = {int(told_number)}
        else:
            allowed.setdefault(key, {0}).add(int(told_number))
    service = S3VectorsService(CloudContext(tmp_path, "http://127.0.0.1:1"))
    try:
        found = {
            vector["key"]: int(vector["metadata"]["n"])
            for vector in service.list_vectors({**WHERE, "returnMetadata": True})["vectors"]
        }
        for key, numbers in allowed.items():
            assert found.get(key, 0) in numbers, key
        everything = service.query_vectors(
            {**WHERE, "topK": 100, "queryVector": {"float32": [1.0, 0.0]}}
        )
        assert sorted(hit["key"] for hit in everything["vectors"]) == sorted(found)
        for key, number in found.items():
            asked = [{"text": f"word{number}", "metadataKey": "text"}]
            hits = service.query_vectors({**WHERE, "topK": 5, "queryTexts": asked})["vectors"]
            assert [hit["key"] for hit in hits] == [key]
    finally:
        service.stop()
