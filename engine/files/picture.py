"""A painted picture as PNG: how it was made, for web UIs, and that a machine made it, for everybody else."""

from __future__ import annotations

import io

from PIL import Image, PngImagePlugin

from engine.files import parameters
from engine.files.parameters import Parameters

TEXT = "parameters"
XMP_KEYWORD = "XML:com.adobe.xmp"
MADE_BY_A_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's word for a picture that a trained model made."""
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    f"<Iptc4xmpExt:DigitalSourceType>{MADE_BY_A_MODEL}</Iptc4xmpExt:DigitalSourceType>"
    '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def png(picture: Image.Image, about: Parameters | None = None) -> bytes:
    """The file, with XMP in every case and the `parameters` text where it is known. No time and no name in it."""
    notes = PngImagePlugin.PngInfo()
    if about is not None:
        text = about.text()
        notes.add_text(TEXT, text) if text.isascii() else notes.add_itxt(TEXT, text)
    notes.add_itxt(XMP_KEYWORD, XMP)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()


def about(picture: Image.Image) -> Parameters | None:
    """How an opened PNG says it was made, or None."""
    text = picture.info.get(TEXT)
    return parameters.parse(text) if isinstance(text, str) else None
