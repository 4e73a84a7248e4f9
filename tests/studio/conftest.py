from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.studio.house import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    # Nobody pulls the plug in these tests; tests/storage proves that files are durable.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return House(tmp_path)
