"""`python -m engine.bench BASE DEVICE [--quick]`: the report as JSON on stdout's last line, its progress on stderr."""

from __future__ import annotations

import argparse
import json
import sys

from engine.bench.bases import NAMES
from engine.bench.report import run
from engine.errors import EngineError
from engine.worker.verbs import where


def main() -> int:
    arguments = argparse.ArgumentParser(prog="engine.bench", description=__doc__)
    arguments.add_argument("base", choices=NAMES)
    arguments.add_argument("device", nargs="?", default="auto")
    arguments.add_argument("--quick", action="store_true")
    given = arguments.parse_args()

    def say(what: str) -> None:
        sys.stderr.write(f"{what} ...\n")
        sys.stderr.flush()

    try:
        report = run(given.base, where(given.device).split()[0], quick=given.quick, say=say)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"\n{json.dumps(report.as_json())}\n")
    return 0


sys.exit(main())
