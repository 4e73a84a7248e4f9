from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
import torch

from engine.families.loaded import LoadedBase


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.folder(tmp_path_factory.mktemp("base"))


@pytest.fixture
def base(tiny_folder: Path) -> Iterator[LoadedBase]:
    """A base of its own; afterwards its weights are what they were and nothing hangs on it."""
    loaded = tiny.base(tiny_folder)
    before = copy.deepcopy(loaded.denoiser.state_dict())
    yield loaded
    after = loaded.denoiser.state_dict()
    plain = {name.replace(".base_layer", ""): value for name, value in after.items()}
    assert not [name for name in plain if "lora_" in name], "an adapter was left on the base"
    for name, value in before.items():
        assert torch.equal(value, plain[name]), name
