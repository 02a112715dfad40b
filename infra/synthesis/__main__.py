"""Print the CloudFormation template of a stage: `python -m infra.synthesis`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from samtranslator.model.exceptions import InvalidDocumentException

from chalicelib.generation.model_file import SERVED_FILE
from chalicelib.generation.model_schema import ServedFileError, validate_served_file
from infra.synthesis.snapstart import SnapStartError
from infra.synthesis.template import apply_snap_start, merged_template, plain_template


def main(arguments: list[str] | None = None) -> int:
    """Print the CloudFormation template of a stage as JSON, or the SAM template it comes from."""
    parser = argparse.ArgumentParser(prog="python -m infra.synthesis", description=main.__doc__)
    parser.add_argument("--stage", default="local")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--project", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--merged", action="store_true", help="before SAM's types are translated")
    parser.add_argument(
        "--snap-start",
        default="",
        metavar="FUNCTIONS",
        help="logical ids, with commas between: these start from snapshots",
    )
    chosen = parser.parse_args(arguments)
    if chosen.merged and chosen.snap_start:
        parser.error(
            "--snap-start goes without --merged: versions and aliases are made of plain functions, "
            "which SAM's types are not yet."
        )
    os.environ["HEADRACE_STAGE"] = chosen.stage
    synthesise = merged_template if chosen.merged else plain_template
    try:
        validate_served_file(json.loads(SERVED_FILE.read_text(encoding="utf-8")))
        template = synthesise(chosen.project, chosen.stage, chosen.region)
        apply_snap_start(template, list(filter(None, chosen.snap_start.split(","))))
    except InvalidDocumentException as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    except (SnapStartError, ServedFileError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    json.dump(template, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
