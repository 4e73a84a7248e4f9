"""What a base predicts is read from its record, then from its scheduler's config, and never guessed; its weights are checked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler

from engine.errors import BaseUnavailable
from engine.families import bases, load
from engine.families.opening import schedule
from engine.families.spec import SD15, SDXL, ZIMAGE
from engine.protocol import BaseModelRef
from engine.worker.objective import objective_of


def test_the_record_goes_before_the_config_and_the_config_before_the_family() -> None:
    plain = BaseModelRef()
    said = BaseModelRef(prediction="v_prediction", zero_snr=True)
    assert schedule(plain, SD15, {})[1] == "epsilon"
    assert schedule(plain, SDXL, {"prediction_type": "v_prediction"})[1] == "v_prediction"
    assert schedule(BaseModelRef(prediction="epsilon"), SDXL, {"prediction_type": "v_prediction"})[1] == "epsilon"
    config, prediction = schedule(said, SDXL, {"prediction_type": "epsilon", "timestep_spacing": "leading"})
    assert (prediction, config["prediction_type"], config["rescale_betas_zero_snr"]) == (
        "v_prediction",
        "v_prediction",
        True,
    )
    assert config["timestep_spacing"] == "trailing", "or no sampler ever starts at the last timestep"
    off = BaseModelRef(zero_snr=False)
    config, _ = schedule(off, SDXL, {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True})
    assert not config["rescale_betas_zero_snr"]
    assert schedule(said, ZIMAGE, {"shift": 3.0}) == ({"shift": 3.0}, "flow")


@pytest.mark.parametrize(
    ("ref", "config", "sentence"),
    [
        (BaseModelRef(zero_snr=True), {"prediction_type": "epsilon"}, "cannot predict noise"),
        (BaseModelRef(), {"prediction_type": "epsilon", "rescale_betas_zero_snr": True}, "cannot predict noise"),
        (BaseModelRef(), {"prediction_type": "sample"}, "'sample', which is not supported"),
    ],
)
def test_what_cannot_be_trained_is_refused(ref: BaseModelRef, config: dict[str, object], sentence: str) -> None:
    with pytest.raises(BaseUnavailable, match=sentence):
        schedule(ref, SDXL, config)


def test_a_base_of_v_prediction_and_zero_snr_by_its_record(tiny_folder: Path) -> None:
    base = load(BaseModelRef(source=str(tiny_folder), prediction="v_prediction", zero_snr=True))
    scheduler = DDIMScheduler.from_config(base.scheduler_config)
    scheduler.set_timesteps(10)
    assert scheduler.timesteps[0] == 999
    objective = objective_of(base, min_snr_gamma=5.0)
    clean, noise = torch.ones(1, 4, 2, 2), torch.full((1, 4, 2, 2), 0.5)
    last = torch.tensor([999])
    assert torch.allclose(objective.add_noise(clean, noise, last), noise, atol=1e-4), "nothing of the picture is left"
    assert torch.allclose(objective.target(clean, noise, last), -clean, atol=1e-4), "and all of it has to be said"
    assert objective.weigh(torch.arange(1000)).isfinite().all()
    there = DDIMScheduler.from_config({**base.scheduler_config, "rescale_betas_zero_snr": True})
    middle = torch.tensor([400])
    assert torch.allclose(objective.target(clean, noise, middle), there.get_velocity(clean, noise, middle), atol=1e-6)
    assert torch.allclose(objective.add_noise(clean, noise, middle), there.add_noise(clean, noise, middle), atol=1e-6)


def test_a_base_says_so_itself_in_its_scheduler_config(tiny_folder: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(tiny_folder, tmp_path / "mine"))
    file = mine / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prediction_type": "v_prediction"}))
    assert load(BaseModelRef(source=str(mine))).prediction == "v_prediction"


def test_weights_other_than_the_record_names_are_not_loaded(tiny_folder: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(tiny_folder, tmp_path / "mine"))
    right = bases.checksum(bases.find(BaseModelRef(source=str(mine))))
    ref = BaseModelRef(source=str(mine), sha256=right.upper())
    assert load(ref).name == "mine"
    (file,) = (mine / "vae").glob("*.safetensors")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(BaseUnavailable, match=r"not the ones its record names.*nothing was started"):
        load(ref)


def test_the_checksum_of_a_single_file_is_its_own_and_of_a_folder_that_of_its_list(
    tiny_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    heard: list[tuple[int, int]] = []
    place = bases.find(BaseModelRef(source=str(tmp_path / "a.safetensors")))
    assert (
        bases.checksum(place, lambda *told: heard.append(told)) == hashlib.sha256(place.path.read_bytes()).hexdigest()
    )
    assert heard[-1] == (10, 10)
    lines = "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(tiny_folder)}\n"
        for file in sorted(tiny_folder.glob("*/*.safetensors"))
    )
    found = bases.checksum(bases.find(BaseModelRef(source=str(tiny_folder))))
    assert found == hashlib.sha256(lines.encode()).hexdigest()
