"""What a file says of itself: an allow-list, a small picture, and a hash by which galleries know it again."""

from __future__ import annotations

import base64
import hashlib
import io
import json

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from engine.families.loaded import LoadedBase
from engine.files import header, layouts, lora, notes, tensors


def weights(base: LoadedBase, alpha: float = 2.0) -> lora.Weights:
    draw = torch.Generator().manual_seed(1)
    return {
        site.key: (
            torch.randn(4, *site.shape[1:], generator=draw),
            torch.randn(site.shape[0], 4, *(1,) * (len(site.shape) - 2), generator=draw) * 1e-3,
            alpha,
        )
        for site in base.sites
    }


def written(base: LoadedBase) -> bytes:
    about = notes.about(base, trigger="ohwx", rank=4, alpha=2, steps=12, epoch=3, resolution=32, conv=(2, 1.0))
    return lora.write(weights(base), about)


def said(data: bytes) -> dict[str, str]:
    return header.of_bytes(data, "file", len(data)).metadata


def test_the_rank_of_convolutions_is_told_as_sd_scripts_tells_it(base: LoadedBase) -> None:
    assert json.loads(said(written(base))["ss_network_args"]) == {"conv_dim": "2", "conv_alpha": "1"}


def test_the_hash_is_that_of_the_weights_whatever_the_notes(base: LoadedBase) -> None:
    data = written(base)
    head = header.of_bytes(data, "file", len(data))
    wanted = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()
    assert head.metadata["sshs_model_hash"] == wanted == tensors.data_hash(data, head)
    other = notes.with_thumbnail(data, Image.new("RGB", (8, 8), "red"))
    assert lora.read(other, lora.target_of(base)).hash == wanted


def test_the_thumbnail_is_a_small_jpeg_in_the_header(base: LoadedBase) -> None:
    noise = torch.randint(0, 256, (900, 1200, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = written(base)
    pictured = notes.with_thumbnail(data, Image.fromarray(noise.numpy()))
    kind, _, text = said(pictured)["modelspec.thumbnail"].partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(text))) as small:
        assert (small.format, small.size) == ("JPEG", (256, 192))
    assert len(pictured) - len(data) < 100_000, "even of noise"
    assert pictured == notes.with_thumbnail(data, Image.fromarray(noise.numpy())), "equal input, equal bytes"
    assert said(pictured) == {**said(data), "modelspec.thumbnail": said(pictured)["modelspec.thumbnail"]}


def test_without_an_alpha_of_its_own_the_diffusers_file_says_the_rank(base: LoadedBase) -> None:
    data = layouts.write(weights(base), base.sites, {})
    adapter = json.loads(said(data)["lora_adapter_metadata"])
    for host in ("unet", "text_encoder"):
        assert (adapter[f"{host}.r"], adapter[f"{host}.lora_alpha"], adapter[f"{host}.alpha_pattern"]) == (4, 4, {})
    assert set(lora.read(data, lora.target_of(base)).weights) == {site.key for site in base.sites}


@pytest.mark.parametrize("alpha", [2.0, 1.5, 0.03, 900.0, 0.0, -2.0])
def test_folding_keeps_the_product_and_stays_in_halves_range(alpha: float) -> None:
    draw = torch.Generator().manual_seed(1)
    down, up = torch.rand(16, 64, generator=draw) * 0.2 - 0.1, torch.randn(64, 16, generator=draw) * 1e-3
    first, second = (half.half().float() for half in layouts.folded(down, up, alpha))
    wanted = alpha / 16 * up @ down
    assert (second @ first - wanted).norm() <= 1e-3 * wanted.norm()


def test_a_module_that_the_base_lacks_is_our_mistake(base: LoadedBase) -> None:
    with pytest.raises(KeyError):
        layouts.write(weights(base), base.sites[1:], {})


def test_the_same_bytes_are_read_by_the_library_of_the_format(
    base: LoadedBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("file") / "x.safetensors"
    path.write_bytes(written(base))
    with safe_open(path, "pt") as opened:
        assert opened.metadata() == said(path.read_bytes())
        assert all(opened.get_tensor(name).isfinite().all() for name in opened.keys())  # noqa: SIM118
