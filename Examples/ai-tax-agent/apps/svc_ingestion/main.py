"""svc-ingestion: takes documents in, gives each an id, and knows them again."""

import hashlib

import filetype
import ulid
from fastapi import HTTPException
from taxagent.service import Content, service

app = service("svc-ingestion")

known: dict[str, dict] = {}


@app.post("/documents", status_code=201)
def add(content: Content):
    """The body is the document; the same bytes have the same id."""
    if not content:
        raise HTTPException(422, "the document is empty")
    digest = hashlib.sha256(content).hexdigest()
    kind = filetype.guess_mime(content) or "application/octet-stream"
    return known.setdefault(digest, {"id": ulid.new().str, "sha256": digest, "size": len(content), "type": kind})


@app.get("/documents")
def documents():
    return list(known.values())
