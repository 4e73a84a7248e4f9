"""What cannot be used is one sentence that says what the file is and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from engine.errors import BadInput
from engine.files import header, lora
from engine.files.targets import Target, guessed, published, recognise

SD15, SDXL, MINIATURE = published()
FIRST = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
"""In every SD 1.x."""


def of(target: Target, *, rank: int = 2, only: Callable[[str], bool] = lambda _: True) -> dict[str, Tensor]:
    """A LoRA of two modules per part of the family."""
    found: dict[str, Tensor] = {}
    for part in ("denoiser", "text_encoder", "text_encoder_2"):
        for site in [site for site in target.sites if site.part == part and only(site.key)][:2]:
            ones = (1,) * (len(site.shape) - 2)
            found[f"{site.key}.lora_down.weight"] = torch.ones(rank, *site.shape[1:], dtype=torch.float16)
            found[f"{site.key}.lora_up.weight"] = torch.ones(site.shape[0], rank, *ones, dtype=torch.float16)
            found[f"{site.key}.alpha"] = torch.tensor(1.0)
    return found


def module(stem: str, out: int = 64, source: int = 64, rank: int = 2) -> dict[str, Tensor]:
    return {f"{stem}.lora_down.weight": torch.ones(rank, source), f"{stem}.lora_up.weight": torch.ones(out, rank)}


def first(**changes: Tensor | None) -> dict[str, Tensor]:
    """One module of SD 1.5 with its parts changed or left out."""
    parts: dict[str, Tensor | None] = {
        "lora_down.weight": torch.ones(2, 768), "lora_up.weight": torch.ones(320, 2), "alpha": torch.tensor(1.0),
    }  # fmt: skip
    return {f"{FIRST}.{name}": tensor for name, tensor in (parts | changes).items() if tensor is not None}


def refused(tensors: dict[str, Tensor], target: Target = SD15, metadata: dict[str, str] | None = None) -> str:
    with pytest.raises(BadInput) as refusal:
        lora.read(save(tensors, metadata), target)
    sentence = str(refusal.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 300
    return sentence


def test_the_family_of_a_file_is_known() -> None:
    for target in published():
        assert lora.read_any(save(of(target))).target is target
        assert lora.read(save(of(target)), target).target is target


@pytest.mark.parametrize(
    ("theirs", "ours"), [(SDXL, SD15), (SD15, SDXL), (SD15, MINIATURE), (MINIATURE, SD15), (SDXL, MINIATURE)]
)
def test_a_lora_of_another_family_is_named(theirs: Target, ours: Target) -> None:
    sentence = refused(of(theirs), ours)
    assert f"does not fit {ours.name}: it was made for {theirs.name}." in sentence


@pytest.mark.parametrize(
    ("stem", "kind"),
    [
        ("lora_unet_double_blocks_0_img_attn_proj", "FLUX"),
        ("transformer.single_transformer_blocks.3.attn.to_q", "FLUX"),
        ("lora_unet_joint_blocks_0_x_block_attn_qkv", "Stable Diffusion 3"),
        ("diffusion_model.blocks.0.cross_attn.k", "Wan"),
        ("transformer.transformer_blocks.0.img_mlp.net.2", "Qwen-Image"),
        ("diffusion_model.layers.0.attention.to_q", "Z-Image"),
        ("lora_te2_text_model_encoder_layers_40_mlp_fc1", "Stable Diffusion XL"),
    ],
)
def test_families_that_do_not_run_here_are_named_too(stem: str, kind: str) -> None:
    assert f"it was made for {kind}." in refused(module(stem))
    with pytest.raises(BadInput, match=f"it was made for {kind}, which is not among the known ones"):
        lora.read_any(save(module(stem)))


def test_stable_diffusion_2_has_1s_names_and_other_widths() -> None:
    assert "it was made for Stable Diffusion 2.x." in refused(module(FIRST, 320, 1024))


def test_what_is_left_over_is_named() -> None:
    tensors = of(SD15) | module("lora_unet_conv_in") | module("lora_unet_time_embedding_linear_1")
    assert 'parts that Stable Diffusion 1.x does not have ("lora_unet_conv_in" and 1 more)' in refused(tensors)
    assert "parts that Stable Diffusion XL does not have" in refused(of(SDXL) | module("lora_unet_conv_in"), SDXL)
    with pytest.raises(BadInput, match="for a base that is not among the known ones"):
        lora.read_any(save(tensors))


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({f"{FIRST}.dora_scale": torch.ones(320, 1)}, "is a DoRA"),
        ({"unet.x.lora_magnitude_vector": torch.ones(3)}, "is a DoRA"),
        ({f"{FIRST}.hada_w1_a": torch.ones(3)}, "is a LoHa"),
        ({f"{FIRST}.lokr_w1": torch.ones(3)}, "is a LoKr"),
        ({f"{FIRST}.oft_blocks": torch.ones(3)}, "is an OFT"),
        ({"bundle_emb.ohwx.clip_l": torch.ones(3)}, "learned words packed in"),
        ({f"{FIRST}.diff": torch.ones(3)}, "with whole layers in it"),
        ({f"{FIRST}.a1.weight": torch.ones(3)}, "is a GLoRA"),
        ({"unet.x.lora_B.bias": torch.ones(3)}, "with biases"),
    ],
)
def test_relatives_are_named_with_what_to_do(tensors: dict[str, Tensor], words: str) -> None:
    sentence = refused({**first(), **tensors})
    assert words in sentence and "Convert it to a plain LoRA" in sentence


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (first(**{"lora_up.weight": None}), "half of"),
        (first(**{"lora_down.weight": None}), "half of"),
        (first(**{"lora_up.weight": torch.ones(320, 3)}), "do not fit together"),
        (first(**{"lora_up.weight": torch.ones(320)}), "do not fit together"),
        (first(**{"lora_up.weight": torch.ones(320, 2, 3, 3)}), "do not fit together"),
        (first(**{"lora_down.weight": torch.ones(2, 2, 2)}), "do not fit together"),
        (first(**{"lora_down.weight": torch.ones(2, 768, 3, 3)}), "another size"),
        (first(**{"lora_mid.weight": torch.ones(2, 2, 3, 3)}), "do not fit together"),
        (first(**{"lora_down.weight": torch.ones(2, 767)}), "767 to 320 values there, 768 to 320 here"),
        (first(**{"lora_down.weight": torch.ones(4096, 768), "lora_up.weight": torch.ones(320, 4096)}),
         "its rank is 4096, and ranks up to 512 are loaded"),
        (first(alpha=torch.ones(2)), "no single number"),
        (first(alpha=torch.tensor(1e9)), "is 1e+09, which no training gives"),
        (first(alpha=torch.tensor(float("nan"))), "no numbers any more"),
        (first(**{"lora_up.weight": torch.full((320, 2), float("inf"))}), "no numbers any more"),
        (first(**{"lora_up.weight": torch.ones(320, 2, dtype=torch.int8)}), "format that is not supported (I8)"),
        (first() | {"model.diffusion_model.x": torch.ones(1)}, 'by the name "model.diffusion_model.x"'),
        (first() | module(f"base_model.model.unet.{'x.' * 60}q"), "...\")"),
        (first() | {
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": torch.ones(2, 768)}, "says twice"),
        ({}, "holds no weights"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_named(tensors: dict[str, Tensor], words: str) -> None:
    assert words in refused(tensors)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[1]",
        "{",
        '{"unet.lora_alpha": "2"}',
        '{"unet.lora_alpha": true}',
        '{"unet.lora_alpha": 1, "unet.alpha_pattern": [1]}',
    ],
)
def test_broken_words_on_the_adapter_are_refused(said: str) -> None:
    assert "notes on its own adapter are broken" in refused(first(alpha=None), metadata={"lora_adapter_metadata": said})


def test_an_alpha_may_be_a_whole_number_of_any_kind() -> None:
    for alpha in (torch.tensor(3), torch.tensor([3.0], dtype=torch.float64), torch.tensor(3.0).bfloat16()):
        assert lora.read(save(first(alpha=alpha)), SD15).weights[FIRST][2] == 3.0
    assert lora.read(save(first(alpha=None)), SD15).weights[FIRST][2] == 2.0, "alpha = rank where nothing is said"


def test_a_header_alone_tells_the_family() -> None:
    head = header.of_bytes(save(of(SDXL)), "file", lora.MAX_BYTES)
    assert recognise(head) is SDXL and guessed(head) == "Stable Diffusion XL"
