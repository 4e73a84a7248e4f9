"""Verbs for a real worker process that plays a script instead of loading torch.

`script.json` in the scratch folder is the script; a file `release-KIND` there lets held jobs go on.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from engine.script import Play, Script
from engine.worker.desk import Verbs


def verbs(scratch: Path) -> Verbs:
    pause = threading.Event()

    def held(kind: str) -> bool:
        pause.wait(0.002)  # a held step is asked for again and again
        return not (scratch / f"release-{kind}").exists()

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hang() -> None:
        threading.Event().wait()

    script = Script.model_validate_json((scratch / "script.json").read_text())
    return Play(script, scratch, held=held, die=die, hang=hang).verbs()
