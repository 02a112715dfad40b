"""A process that serves S3 in a folder and publishes events to a file, until it is killed."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from localcloud.frontdoor.http_server import HttpServer
from localcloud.s3 import S3Service
from localcloud.service import CloudContext


def main(folder: Path, published: Path) -> None:
    def publish(event: dict[str, Any]) -> None:
        with published.open("a") as file:
            file.write(json.dumps(event) + "\n")
            file.flush()
            os.fsync(file.fileno())
        time.sleep(0.002)

    service = S3Service(CloudContext(folder, "http://127.0.0.1"), publish)
    service.start()
    server = HttpServer()
    server.start(service)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    threading.Event().wait()


main(Path(sys.argv[1]), Path(sys.argv[2]))
