"""Learned words leave as A1111 loads them, and come in as A1111 and diffusers write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load, save
from torch import Tensor

from engine.errors import BadInput
from engine.families.loaded import LoadedBase
from engine.files import embedding, notes

ONE = torch.arange(64, dtype=torch.float32).reshape(2, 32) / 64
OTHER = torch.arange(80, dtype=torch.float32).reshape(2, 40) / 80


def test_one_encoder_is_emb_params() -> None:
    data = embedding.write({"text_encoder": ONE}, {"modelspec.trigger_phrase": "ohwx"})
    assert {name: tensor.shape for name, tensor in load(data).items()} == {"emb_params": ONE.shape}
    read = embedding.read(data, (32,))
    assert torch.equal(read.vectors["text_encoder"], ONE) and read.word == "ohwx"


def test_two_encoders_are_clip_l_and_clip_g() -> None:
    data = embedding.write({"text_encoder_2": OTHER, "text_encoder": ONE}, {})
    assert {name: tuple(tensor.shape) for name, tensor in load(data).items()} == {"clip_l": (2, 32), "clip_g": (2, 40)}
    read = embedding.read(data, (32, 40))
    assert torch.equal(read.vectors["text_encoder"], ONE) and torch.equal(read.vectors["text_encoder_2"], OTHER)


@pytest.mark.parametrize("vectors", [ONE, ONE[0], ONE.half(), ONE.bfloat16()])
def test_diffusers_single_word_is_read(vectors: Tensor) -> None:
    read = embedding.read(save({"<ohwx>": vectors}), (32,))
    assert read.word == "<ohwx>"
    assert torch.allclose(read.vectors["text_encoder"], vectors.float().reshape(-1, 32))


def test_diffusers_loads_what_we_write(tmp_path: Path) -> None:
    (tmp_path / "ohwx.safetensors").write_bytes(embedding.write({"text_encoder": ONE}, {}))
    pipe: Any = tiny.pipeline()
    pipe.load_textual_inversion(tmp_path, weight_name="ohwx.safetensors", token="ohwx")
    ids = pipe.tokenizer.convert_tokens_to_ids(["ohwx", "ohwx_1"])
    assert torch.allclose(pipe.text_encoder.get_input_embeddings().weight[ids], ONE)


def test_its_metadata_is_the_allow_list(base: LoadedBase) -> None:
    about = notes.about_word(base, trigger="ohwx", steps=40, epoch=2)
    assert about["modelspec.architecture"] == "stable-diffusion-v1/textual-inversion"
    assert set(about) == {
        "modelspec.sai_model_spec", "modelspec.architecture", "modelspec.implementation", "modelspec.title",
        "modelspec.trigger_phrase", "modelspec.prediction_type", "ss_base_model_version", "ss_output_name",
        "ss_tag_frequency", "ss_steps", "ss_epoch", "likeness.base", "likeness.base_hash",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tensors", "widths", "sentence"),
    [
        ({"clip_l": ONE, "clip_g": OTHER}, (32,), "for a base with two text encoders, and this one has one"),
        ({"emb_params": ONE}, (32, 40), "for a base with one text encoder, and this one has two"),
        ({"emb_params": ONE}, (768,), "its vectors have 32 values, and this base's have 768"),
        ({"clip_l": ONE, "clip_g": OTHER[:1]}, (32, 40), "not as many vectors"),
        ({"clip_l": ONE, "clip_h": OTHER}, (32, 40), "other things"),
        ({"a": ONE, "b": OTHER, "c": ONE + 1}, (32,), "other things"),
        ({"emb_params": torch.ones(76, 32)}, (32,), "76 vectors, and a prompt has room for 75"),
        ({"emb_params": torch.ones(1, 1, 32)}, (32,), "no rows of numbers"),
        ({"emb_params": torch.full((1, 32), torch.nan)}, (32,), "no numbers any more"),
        ({"emb_params": torch.ones(1, 32, dtype=torch.int8)}, (32,), "not supported"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tensors: dict[str, Tensor], widths: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refusal:
        embedding.read(save(tensors), widths)
    assert str(refusal.value).endswith(".")


def test_a_pickled_embedding_is_not_opened() -> None:
    with pytest.raises(BadInput, match="pickled"):
        embedding.read(b"PK\x03\x04" + bytes(100), (32,))
