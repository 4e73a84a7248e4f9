"""The embedded base: a Stable Diffusion in a matchbox, taught a procedural world of cartoon portraits.

`world` says who and what exists, `drawing` paints it, `photos` makes the demo's kind of photos of it. All three
need numpy and Pillow only; torch is met in `training` and in whatever loads the weights.
"""

from pathlib import Path

MINIATURE = "miniature"
"""What a `BaseModelRef.source` calls it."""
HERE = Path(__file__).resolve().parent
WEIGHTS = HERE / "weights"
"""A StableDiffusionPipeline folder (64 px, latents 4x16x16)."""
CLIP = WEIGHTS / "clip"
"""CLIPModel and CLIPProcessor parts: pictures and captions in one space."""
CAPTIONER = WEIGHTS / "captioner"
"""BLIP for captioning: a 64 px face crop in, a caption out."""
FACE_FINDER = WEIGHTS / "face_finder"
"""SegFormer whose label 1 is the core of a face."""
IDENTITY = WEIGHTS / "identity"
"""ResNet embedder of 64 px portraits, with `calibration.json` beside it."""

PORTRAIT_SIDE = 64
"""Pixels of a portrait's side: the resolution of this base."""
