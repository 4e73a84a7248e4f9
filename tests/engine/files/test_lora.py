"""The file: kohya's names from the frozen table, the true alpha, equal bytes for equal weights, and no trust in reading."""

from __future__ import annotations

import json
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.families.sites import Site
from engine.families.spec import SD15
from engine.files import lora, notes
from engine.files.targets import Target

STEM = "lora_unet_mid_block_attentions_0_proj_in"
ALLOWED = {
    "modelspec.sai_model_spec",
    "modelspec.architecture",
    "modelspec.implementation",
    "modelspec.title",
    "modelspec.trigger_phrase",
    "modelspec.prediction_type",
    "modelspec.resolution",
    "ss_base_model_version",
    "ss_network_module",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_steps",
    "ss_epoch",
    "ss_tag_frequency",
    "ss_output_name",
    "likeness.base",
    "likeness.base_hash",
}


SITE = Site("denoiser", "mid_block.attentions.0.proj_in", STEM, (8, 8, 1, 1))
TARGET = Target("tiny", SD15, (SITE,))


def read(data: bytes) -> lora.LoraFile:
    return lora.read(data, TARGET)


def weights(rank: int = 3, alpha: float = 1.5) -> dict[str, tuple[torch.Tensor, torch.Tensor, float]]:
    draw = torch.Generator().manual_seed(1)
    return {STEM: (torch.randn(rank, 8, 1, 1, generator=draw), torch.randn(8, rank, 1, 1, generator=draw), alpha)}


def made(tensors: dict[str, torch.Tensor]) -> bytes:
    return save(tensors)


def plain(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    whole = {"lora_down.weight": torch.ones(3, 8), "lora_up.weight": torch.ones(8, 3), "alpha": torch.tensor(1.5)}
    return {f"{STEM}.{name}": value for name, value in (whole | changes).items()}


def test_what_was_written_is_read_back_by_us_and_by_safetensors() -> None:
    data = lora.write(weights(), {"modelspec.trigger_phrase": "ohwx"})
    ours, theirs = read(data), load(data)
    assert ours.trigger == "ohwx"
    kept = lora.kohya(ours.weights)
    assert set(kept) == set(theirs) == {f"{STEM}.lora_down.weight", f"{STEM}.lora_up.weight", f"{STEM}.alpha"}
    for name, tensor in theirs.items():
        assert torch.equal(kept[name], tensor)
    assert theirs[f"{STEM}.alpha"].item() == 1.5
    assert torch.equal(theirs[f"{STEM}.lora_down.weight"], weights()[STEM][0].half())


def test_equal_weights_give_equal_bytes_whatever_the_order() -> None:
    about = {"b": "2", "a": "1"}
    two = {**weights(), "lora_unet_x": weights()[STEM]}
    back = dict(reversed(two.items()))
    assert lora.write(two, about) == lora.write(back, dict(reversed(about.items())))


def test_metadata_is_the_allow_list(base: LoadedBase) -> None:
    about = notes.about(base, trigger="ohwx", rank=4, alpha=2, steps=12, epoch=3, resolution=32)
    assert set(about) == ALLOWED
    assert about["likeness.base"] == "tiny", "a name, never a path"
    assert "/" not in about["likeness.base"] + about["likeness.base_hash"]
    assert about["ss_network_alpha"] == "2"
    assert json.loads(about["ss_tag_frequency"]) == {"likeness": {"ohwx": 1}}


def test_the_names_do_not_follow_the_live_modules(base: LoadedBase) -> None:
    """transformers may rename CLIP's levels again; files must not."""
    keys = {site.key for site in base.sites if site.part == "text_encoder"}
    assert "lora_te_text_model_encoder_layers_0_self_attn_q_proj" in keys
    assert len(keys) == 2 * 6


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "broke off"),
        (b"\x00" * 9, "broke off"),
        (struct.pack("<Q", 2**60) + b"{}", "broke off"),
        (struct.pack("<Q", 4) + b"[[[[", "broke off"),
        (struct.pack("<Q", 2) + b"{}", "no weights"),
        (made(plain())[:-20], "header is broken"),
        (made({"model.weight": torch.ones(2)}), 'by the name "model.weight"'),
        (made({f"{STEM}.lora_down.weight": torch.ones(3, 8)}), "half of .* is missing"),
        (made(plain(**{"lora_up.weight": torch.ones(8, 4)})), "do not fit together"),
        (made(plain(**{"lora_up.weight": torch.ones(8)})), "do not fit together"),
        (made(plain(alpha=torch.ones(2))), "no single number"),
        (made(plain(**{"lora_down.weight": torch.full((3, 8), float("nan"))})), "no numbers"),
        (made(plain(**{"lora_down.weight": torch.full((3, 8), float("inf"))})), "no numbers"),
        (made(plain(**{"lora_down.weight": torch.ones(3, 8, dtype=torch.float64)})), "not supported"),
        (made(plain(dora_scale=torch.ones(8))), "DoRA"),
    ],
)
def test_a_hostile_file_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read(data)


def header_of(changes: object) -> bytes:
    head = json.dumps({f"{STEM}.alpha": changes}).encode()
    return struct.pack("<Q", len(head)) + head + b"\x00" * 4


@pytest.mark.parametrize(
    "entry",
    [
        None, [], {"dtype": "F32"}, {"dtype": "F32", "shape": [], "data_offsets": [0]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}, {"dtype": "F32", "shape": [], "data_offsets": [-4, 0]},
        {"dtype": "F32", "shape": [], "data_offsets": [0, 2**40]}, {"dtype": "F32", "shape": "x", "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [], "data_offsets": [0, 4]}, {"dtype": "F32", "shape": [1] * 30, "data_offsets": [0, 4]},
    ],
)  # fmt: skip
def test_a_hostile_header_is_one_sentence(entry: object) -> None:
    with pytest.raises(BadInput):
        read(header_of(entry))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_get_past_with_another_error(data: bytes) -> None:
    with pytest.raises(BadInput):
        read(struct.pack("<Q", len(data)) + data)


@settings(deadline=None)
@given(st.integers(0, 600), st.integers(0, 255))
def test_one_changed_byte_is_either_read_or_refused(place: int, value: int) -> None:
    data = bytearray(lora.write(weights(), {"modelspec.trigger_phrase": "ohwx"}))
    data[place % len(data)] = value
    try:
        read(bytes(data))
    except BadInput as error:
        assert str(error).endswith(".")


def test_a_lora_of_another_base_is_refused(base: LoadedBase) -> None:
    stranger = {"lora_unet_up_blocks_7_attentions_0_proj_in": weights()[STEM]}
    with pytest.raises(BadInput, match="does not fit tiny"):
        lora.read(lora.write(stranger, {}), lora.target_of(base))
    with pytest.raises(BadInput, match="another size"):
        lora.read(lora.write(weights(), {}), lora.target_of(base))
