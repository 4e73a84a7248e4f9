"""The tiny random bases by the name of their family: a module each, with `folder` and `pipeline`."""

from __future__ import annotations

import tiny
import tiny_flow
import tiny_xl

KINDS = {"sd15": tiny, "sdxl": tiny_xl, "zimage": tiny_flow}
