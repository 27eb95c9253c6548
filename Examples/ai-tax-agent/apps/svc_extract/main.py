"""svc-extract: finds taxpayers' numbers, amounts and dates in the text of documents."""

import io
import re

from dateutil import parser
from fastapi import HTTPException
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from taxagent import identifiers
from taxagent.service import Content, service

app = service("svc-extract")

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DATE = re.compile(rf"\b(?:[12]\d|3[01]|[1-9]) (?:{MONTHS}) \d{{4}}\b")


def text_of(content: bytes) -> str:
    if not content.startswith(b"%PDF"):
        return content.decode(errors="replace")
    try:
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    except PyPdfError as error:
        raise HTTPException(422, f"the PDF cannot be read: {error}")


def dates(text: str) -> list[str]:
    found = []
    for date in DATE.findall(text):
        try:
            found.append(parser.parse(date).date().isoformat())
        except ValueError:
            pass  # such as 31 February
    return found


@app.post("/fields")
def fields(content: Content):
    """The body is a PDF with text, or plain text in UTF-8."""
    text = text_of(content)
    return {
        "utr": identifiers.utrs(text),
        "nino": identifiers.ninos(text),
        "amounts": [str(amount) for amount in identifiers.amounts(text)],
        "dates": dates(text),
    }
