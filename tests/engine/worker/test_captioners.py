"""Captioners of the real world: tiny random models of the same classes prove how they are opened and asked."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    BartConfig,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    PreTrainedTokenizerFast,
)

from engine.captioning import PUBLISHED, Captioner, CaptionerRef, place_of
from engine.miniature import CAPTIONER
from engine.photos import SubjectKind
from engine.worker.captioners import QUESTION, Blip, Florence2, Look, writer_for
from engine.worker.phrases import phrased

WORDS = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "a", "man", "wearing", "red", "hat", "."]
SHOWN = Image.linear_gradient("L").convert("RGB")


@pytest.fixture(scope="module")
def florence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Florence-2 of some thousand random weights, in the layout of florence-community/Florence-2-base."""
    folder = tmp_path_factory.mktemp("florence")
    words = [*WORDS, *dict.fromkeys(QUESTION.replace(".", " .").split())]
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(dict.fromkeys(words))}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(3)
    sight = {
        "depths": (1, 1, 1, 1), "embed_dim": (16, 16, 32, 32), "num_heads": (2, 2, 2, 2), "num_groups": (2, 2, 2, 2),
        "window_size": 4, "projection_dim": 32, "drop_path_rate": 0.0,
    }  # fmt: skip
    text = BartConfig(
        vocab_size=len(dict.fromkeys(words)), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=128, bos_token_id=1,
        eos_token_id=2, pad_token_id=0, decoder_start_token_id=2, forced_eos_token_id=2,
    )  # fmt: skip
    Florence2ForConditionalGeneration(
        Florence2Config(text_config=text.to_dict(), vision_config=sight, image_token_id=4)
    ).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"size": {"height": 128, "width": 128}}')
    return folder


def test_florence2_is_opened_and_answers_for_the_picture(florence: Path) -> None:
    kind, writer = writer_for(CaptionerRef(kind=Captioner.FLORENCE2, source=str(florence)))
    assert kind is Captioner.FLORENCE2 and isinstance(writer, Florence2)
    ids = writer._asked(writer._look.pixels(SHOWN))[0].tolist()
    seen = writer._model.get_image_features(pixel_values=writer._look.pixels(SHOWN)).pooler_output
    assert ids.count(4) == seen.shape[1], "one image token for each place the model looks at"
    assert ids[seen.shape[1]] == 1 and ids[-1] == 2
    assert writer.write(SHOWN) == writer.write(SHOWN)
    assert set(writer.write(SHOWN).split()) <= set(writer._tokenizer.get_vocab()) - {"<s>", "</s>", "<image>"}


def test_the_question_is_the_one_its_processor_asks() -> None:
    assert f'"<DETAILED_CAPTION>": "{QUESTION}"' in inspect.getsource(Florence2Processor)


def test_blip_is_opened_and_says_what_it_was_taught() -> None:
    """The embedded captioner is a BLIP folder too: the same code that opens the published one."""
    kind, writer = writer_for(CaptionerRef(kind=Captioner.BLIP, source=str(CAPTIONER)))
    assert kind is Captioner.BLIP and isinstance(writer, Blip)
    assert writer.write(SHOWN).startswith("a portrait of a person")
    assert writer._look.side == 64 and writer._look.mean == (0.5, 0.5, 0.5)


def test_a_model_that_is_not_here_or_does_not_open_leaves_the_template(tmp_path: Path) -> None:
    for source in (str(tmp_path), "nobody/nothing-of-this-name", "not a hub id at all"):
        assert place_of(Captioner.FLORENCE2, source) is None
        assert writer_for(CaptionerRef(kind=Captioner.FLORENCE2, source=source)) == (Captioner.TEMPLATE, None)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"half a download")
    assert place_of(Captioner.FLORENCE2, str(tmp_path)) == tmp_path
    assert writer_for(CaptionerRef(kind=Captioner.FLORENCE2, source=str(tmp_path))) == (Captioner.TEMPLATE, None)
    for kind in (Captioner.TEMPLATE, Captioner.MINIATURE):
        assert writer_for(CaptionerRef(kind=kind)) == (Captioner.TEMPLATE, None)


def test_nothing_is_downloaded_in_a_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", forbidden)
    assert writer_for(CaptionerRef()) == (Captioner.TEMPLATE, None)
    assert all(one.source.count("/") == 1 for published in PUBLISHED.values() for one in published)


def test_pictures_are_shown_as_the_folder_says(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(
        '{"size": {"shortest_edge": 32}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}'
    )
    look = Look.of(tmp_path, 7)
    pixels = look.pixels(Image.new("RGB", (50, 20), (255, 0, 128)))
    assert pixels.shape == (1, 3, 32, 32)
    assert pixels[0, :, 5, 5].tolist() == pytest.approx([2.0, -2.0, (128 / 255 - 0.5) / 0.25], abs=1e-5)
    assert Look.of(tmp_path / "nowhere", 48).side == 48


SAID = [
    (SubjectKind.PERSON, "A man with short black hair wearing a suit is standing in front of a flag.",
     "wearing a suit, standing in front of a flag"),
    (SubjectKind.PERSON, "In this image we can see a man wearing a black suit and a blue tie. He is smiling and looking at the "
     "camera. The background is blurred.",
     "wearing a black suit and a blue tie, smiling, looking at the camera, the background is blurred"),
    (SubjectKind.PERSON, "a man in a suit and tie speaking at a podium", "in a suit and tie, speaking at a podium"),
    (SubjectKind.PERSON, "a woman with long blonde hair and blue eyes", ""),
    (SubjectKind.PERSON, "The image shows a young man standing in a park, with trees in the background. He has brown eyes.",
     "standing in a park, with trees in the background"),
    (SubjectKind.PERSON, "two men in suits and ties waving to the crowd", "in suits and ties, waving to the crowd"),
    (SubjectKind.PERSON, "there is a man that is standing in front of a building", "standing in front of a building"),
    (SubjectKind.PERSON, "", ""),
    (SubjectKind.PET, "a brown and white dog with fluffy fur sitting on a ledge in front of a red wall",
     "sitting on a ledge in front of a red wall"),
    (SubjectKind.PET, "a dog sitting on a wall with its tongue out", "sitting on a wall, with its tongue out"),
    (SubjectKind.PET, "a close up of a dog", ""),
    (SubjectKind.OBJECT, "a red mug on a wooden table next to a laptop", "on a wooden table next to a laptop"),
    (SubjectKind.OBJECT, "a red mug", ""),
    (SubjectKind.STYLE, "A drawing of a red monster raising its arms.", "a red monster raising its arms"),
    (SubjectKind.STYLE, "a cartoon illustration of a red devil", "a red devil"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "said", "caption"), SAID)
def test_a_caption_keeps_what_is_not_the_subject(kind: SubjectKind, said: str, caption: str) -> None:
    assert phrased(said, kind) == caption
