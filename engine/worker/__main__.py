"""`python -m engine.worker`: started by `engine.local` with one end of a socket pair; not for use by hand."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from engine.worker.control import Control
from engine.worker.desk import Desk, Verbs

KINDNESS = 10
"""How far behind the bot's process this one stands: members are answered within three seconds while it computes."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="engine.worker", description=__doc__)
    arguments.add_argument("--fd", type=int, required=True, help="the inherited socket")
    arguments.add_argument("--scratch", type=Path, required=True, help="folder for checkpoints")
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--joint-runs", type=int, help="trainings of one base at a time; by itself: by the device")
    arguments.add_argument("--heartbeat-s", type=float, default=1.0)
    arguments.add_argument("--verbs", default="engine.worker.verbs", help="module whose verbs(scratch) does the work")
    given = arguments.parse_args()

    os.nice(KINDNESS)
    peer = socket.socket(fileno=given.fd)
    peer.set_inheritable(False)  # or a child of ours would keep the channel open after our death
    control = Control(peer, given.heartbeat_s)
    signal.signal(signal.SIGTERM, control.term)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the bot's, which then asks us to stop
    given.scratch.mkdir(parents=True, exist_ok=True)
    verbs: Verbs = importlib.import_module(given.verbs).verbs(given.scratch)
    desk = Desk(verbs, given.scratch, control.emit, device=given.device, joint_runs=given.joint_runs, turn=control.turn)
    threading.Thread(target=control.work, args=(desk, verbs.where, given.device), name="work", daemon=True).start()
    return control.run(desk)


if __name__ == "__main__":
    sys.exit(main())
