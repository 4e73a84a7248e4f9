"""The same base comes out of every form it is kept in, and the table of LoRA sites is that of the real thing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import single_file
import tiny
import torch

from engine.errors import BaseUnavailable
from engine.families import clip, load, sd15
from engine.families.loaded import LoadedBase
from engine.families.sites import lora_sites
from engine.families.spec import SD15
from engine.protocol import BaseModelRef


def said(base: LoadedBase) -> torch.Tensor:
    """What it answers on one input: equal answers, equal bases."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        text = sd15.encode_tokens(base, sd15.tokens_of(base, ["a portrait of ohwx"]))
        noise = sd15.forward(base, torch.randn(1, 4, 8, 8, generator=draw), torch.tensor([500]), text)
        mean, spread = sd15.encode_latents(base, torch.randn(1, 3, 32, 32, generator=draw))
        drawn = sd15.decode_latents(base, mean)
    return torch.cat([part.flatten() for part in (noise, mean, spread, drawn)])


@pytest.fixture(scope="session")
def pattern(tiny_folder: Path) -> torch.Tensor:
    return said(load(BaseModelRef(source=str(tiny_folder))))


def test_a_folder_says_what_it_is(tiny_folder: Path) -> None:
    base = load(BaseModelRef(source=str(tiny_folder)))
    assert (base.native, base.factor, base.prediction, base.name) == (32, 4, "epsilon", "tiny")
    assert not any(parameter.requires_grad for host in (*base.hosts, base.vae) for parameter in host.parameters())
    assert not any(module.training for host in (*base.hosts, base.vae) for module in host.modules())


def test_a_checkpoint_with_its_folder_beside_it_is_the_same_base(
    tiny_folder: Path, tmp_path: Path, pattern: torch.Tensor
) -> None:
    single_file.write(tiny.pipeline(), tmp_path / "mini.safetensors")
    shutil.copytree(tiny_folder, tmp_path / "mini", ignore=shutil.ignore_patterns("*.safetensors"))
    assert torch.allclose(said(load(BaseModelRef(source=str(tmp_path / "mini.safetensors")))), pattern, atol=1e-4)


def test_a_checkpoint_alone_takes_the_packed_layout_and_tokenizer(
    tiny_folder: Path, tmp_path: Path, pattern: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the layout's numbers swapped for the small base's, since the real one has 4 GB of weights."""
    single_file.write(tiny.pipeline(), tmp_path / "mini.safetensors")
    shutil.copytree(sd15.LAYOUT, tmp_path / "layout")
    for part in ("unet", "vae", "text_encoder", "scheduler"):
        shutil.rmtree(tmp_path / "layout" / part)
        shutil.copytree(tiny_folder / part, tmp_path / "layout" / part, ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setattr(sd15, "LAYOUT", tmp_path / "layout")
    base = load(BaseModelRef(source=str(tmp_path / "mini.safetensors")))
    assert len(base.tokenizers[0]) == 49408
    again = said(replace(base, tokenizers=(tiny.tokenizer(),)))
    assert torch.allclose(again, pattern, atol=1e-4), "everything but the tokenizer is the small base's"


def test_a_checkpoint_of_another_shape_says_what_it_needs(tmp_path: Path) -> None:
    single_file.write(tiny.pipeline(), tmp_path / "odd.safetensors")
    with pytest.raises(BaseUnavailable, match="needs its diffusers folder beside it"):
        load(BaseModelRef(source=str(tmp_path / "odd.safetensors")))


def test_a_folder_with_broken_weights_is_one_sentence(tiny_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_folder, tmp_path / "broken")
    (file,) = (tmp_path / "broken" / "unet").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BaseUnavailable, match="'broken' is there but cannot be loaded"):
        load(BaseModelRef(source=str(tmp_path / "broken")))


def test_an_inpainting_base_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    from diffusers import UNet2DConditionModel

    shutil.copytree(tiny_folder, tmp_path / "inpaint")
    config = json.loads((tmp_path / "inpaint" / "unet" / "config.json").read_text()) | {"in_channels": 9}
    UNet2DConditionModel.from_config(config).save_pretrained(tmp_path / "inpaint" / "unet")
    with pytest.raises(BaseUnavailable, match="inpainting"):
        load(BaseModelRef(source=str(tmp_path / "inpaint")))


def test_the_packed_layout_is_stable_diffusion_1() -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    def config(part: str) -> dict[str, object]:
        return json.loads((sd15.LAYOUT / part / "config.json").read_text())

    with torch.device("meta"):
        parts = [
            UNet2DConditionModel.from_config(config("unet")),
            AutoencoderKL.from_config(config("vae")),
            CLIPTextModel(CLIPTextConfig(**{k: v for k, v in config("text_encoder").items() if k != "model_type"})),
        ]
    counts = [sum(parameter.numel() for parameter in part.parameters()) for part in parts]
    assert counts == [859_520_964, 83_653_863, 123_060_480], "the published sizes"
    sites = lora_sites(SD15, config("unet"), [config("text_encoder")])
    assert (sum(site.part == "denoiser" for site in sites), sum(site.part == "text_encoder" for site in sites)) == (
        192,
        72,
    )
    assert len({site.key for site in sites}) == len(sites)
    for site in sites[:192]:
        assert parts[0].get_submodule(site.path).weight is not None, site
    assert {
        "lora_unet_down_blocks_0_attentions_0_proj_in",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0",
        "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_ff_net_0_proj",
        "lora_te_text_model_encoder_layers_11_self_attn_out_proj",
    } <= {site.key for site in sites}


def test_the_rebuilt_tokenizer_is_clips() -> None:
    words = clip.tokenizer()
    assert words("a photo of").input_ids == [49406, 320, 1125, 539, 49407]
    assert len(words) == 49408
    assert words.pad_token_id == 49407
    assert words.decode(words("naïve café №5").input_ids, skip_special_tokens=True).strip() == "naïve café № 5"


def test_clip_skip_leaves_out_last_layers_but_not_the_norm(tiny_folder: Path) -> None:
    base = load(BaseModelRef(source=str(tiny_folder)))
    with torch.no_grad():
        whole, skipped = (
            sd15.encode_tokens(base, sd15.tokens_of(base, ["a hat"]), clip_skip=skip).hidden for skip in (0, 1)
        )
    assert whole.shape == skipped.shape == (1, 77, tiny.WIDTH)
    assert not torch.equal(whole, skipped)
    assert skipped.mean(-1).abs().max() < 0.2, "normalised"
