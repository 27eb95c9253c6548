"""svc-ocr: the text of scanned documents."""

from importlib.util import find_spec

import cv2
import numpy
import pymupdf
import pytesseract
from fastapi import HTTPException
from pdf2image import convert_from_bytes
from PIL import Image
from taxagent.service import Content, service

app = service("svc-ocr", torchvision=find_spec("torchvision") is not None)


def read(picture: numpy.ndarray) -> str:
    """The text of one page; Otsu's threshold first, since scans are rarely evenly lit."""
    _, binary = cv2.threshold(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return pytesseract.image_to_string(Image.fromarray(binary)).strip()


def pages_of_pdf(content: bytes) -> list[str]:
    try:
        with pymupdf.open(stream=content, filetype="pdf") as document:
            written = [page.get_text().strip() for page in document]
    except pymupdf.FileDataError as error:
        raise HTTPException(422, f"the PDF cannot be read: {error}")
    if any(written):
        return written
    return [read(numpy.asarray(page.convert("RGB"))) for page in convert_from_bytes(content, dpi=200)]


@app.post("/text")
def text(content: Content):
    """The body is a PDF or an image; a PDF that has text of its own is not recognised anew."""
    if content.startswith(b"%PDF"):
        return {"pages": pages_of_pdf(content)}
    picture = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), cv2.IMREAD_COLOR) if content else None
    if picture is None:
        raise HTTPException(422, "neither a PDF nor an image that can be read")
    return {"pages": [read(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))]}
