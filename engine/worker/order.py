"""What the thread that owns torch is told by the thread that answers the channel."""

from __future__ import annotations

from dataclasses import dataclass

from engine.protocol import CancelMode


@dataclass
class Order:
    """Written by the control thread, read by a job between its steps. Plain attributes: each is set once, never back."""

    cancel: CancelMode | None = None
    park: bool = False
    """The engine is stopping: save a checkpoint, say Parked, return."""
