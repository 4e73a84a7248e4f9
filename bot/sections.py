"""Sections of the settings about the small models: who finds faces, who looks at pictures, who writes captions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FacesSettings(Section):
    finder: Literal["auto", "cartoon", "haar", "yunet"] = "auto"
    yunet_file: Path | None = None
    """OpenCV zoo's face_detection_yunet, an .onnx file of 233 KB: "auto" prefers it where it is given."""
    sface_file: Path | None = None
    """OpenCV zoo's face_recognition_sface, an .onnx file of 37 MB: likeness of people is read from faces where both are given."""


class EyesSettings(Section):
    """What looks at the previews of real bases. The embedded base brings its own eyes."""

    clip: str | None = None
    """A folder, or a hub id that was fetched. None: the published ones, where one of them was fetched."""
    dinov2: str | None = None


class CaptionsSettings(Section):
    """Who writes the captions that people start from. They are shown and edited before anything is trained."""

    captioner: Literal["auto", "template", "miniature", "blip", "florence2"] = "auto"
    """auto: the miniature's own for its cartoons, else the best model on this machine, else the template."""
    model: str | None = None
    """A folder, or a hub id that was fetched. None: the published ones, where one of them was fetched."""
