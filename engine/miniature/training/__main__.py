"""`python -m engine.miniature.training [PART ...] [--minutes PART=N] [--cache DIR]`: train all parts in order, or some."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import torch

MINUTES = {
    "tokenizer": 0.0,
    "vae": 25.0,
    "unet": 139.0,
    "decoder": 21.0,
    "finder": 10.0,
    "identity": 9.0,
    "vision": 6.0,
    "captioner": 42.0,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.miniature.training", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", default=list(MINUTES), help=f"of: {', '.join(MINUTES)} (default: all, in this order)"
    )
    parser.add_argument("--minutes", action="append", default=[], metavar="PART=N", help="time budget of a part")
    parser.add_argument("--cache", type=Path, default=Path(".cache/miniature"), help="pictures, latents, snapshots")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    minutes = MINUTES | {part: float(value) for part, _, value in (text.partition("=") for text in options.minutes)}
    torch.set_num_threads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        importlib.import_module(f"engine.miniature.training.{part}").train(options.cache, minutes[part])


if __name__ == "__main__":
    main()
