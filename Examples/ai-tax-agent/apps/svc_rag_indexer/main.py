"""svc-rag-indexer: documents to text, text to chunks, chunks to vectors.

The tokenizer's table (CHUNK_ENCODING) and the embedding model (EMBEDDING_MODEL) are not in the image: they are fetched
on first use.
"""

import io
import os
from functools import cache
from threading import Lock

import faiss
import tiktoken
from bs4 import BeautifulSoup
from docx import Document
from fastapi import HTTPException
from openpyxl import load_workbook
from pptx import Presentation
from sklearn.feature_extraction.text import HashingVectorizer
from sparse_dot_topn import sp_matmul_topn
from taxagent.service import Content, service

app = service("svc-rag-indexer")

CHUNK_TOKENS = 256
ALIKE = 0.95

lock = Lock()  # endpoints run in several threads
chunks: list[str] = []


@cache
def encoding():
    return tiktoken.get_encoding(os.environ.get("CHUNK_ENCODING", "cl100k_base"))


@cache
def model():
    from sentence_transformers import SentenceTransformer  # takes seconds: not before it is needed

    name = os.environ.get("EMBEDDING_MODEL", "sentence-transformers/all-MiniLM-L6-v2")
    return SentenceTransformer(name, device="cpu")


@cache
def vectors():
    return faiss.IndexFlatIP(model().encode(["dimension"]).shape[1])


def docx(file) -> str:
    return "\n".join(paragraph.text for paragraph in Document(file).paragraphs)


def pptx(file) -> str:
    shapes = (shape for slide in Presentation(file).slides for shape in slide.shapes)
    return "\n".join(shape.text_frame.text for shape in shapes if shape.has_text_frame)


def xlsx(file) -> str:
    sheets = load_workbook(file, read_only=True, data_only=True)
    rows = (row for sheet in sheets for row in sheet.iter_rows(values_only=True))
    return "\n".join("\t".join("" if cell is None else str(cell) for cell in row) for row in rows)


def html(file) -> str:
    return BeautifulSoup(file.read(), "html.parser").get_text("\n", strip=True)


def txt(file) -> str:
    return file.read().decode(errors="replace")


READERS = {read.__name__: read for read in (docx, pptx, xlsx, html, txt)}


def text_of(content: bytes, kind: str) -> str:
    if kind not in READERS:
        raise HTTPException(415, f"{kind} is not one of {', '.join(READERS)}")
    try:
        return READERS[kind](io.BytesIO(content))
    except Exception as error:  # each library has errors of its own for a broken file
        raise HTTPException(422, f"the {kind} cannot be read: {error}")


def split(text: str) -> list[str]:
    tokens = encoding().encode_ordinary(text)
    return [encoding().decode(tokens[start : start + CHUNK_TOKENS]) for start in range(0, len(tokens), CHUNK_TOKENS)]


def distinct(texts: list[str]) -> list[str]:
    """Without those that are nearly the same as an earlier one (footers, boilerplate)."""
    if not texts:
        return []
    matrix = HashingVectorizer(n_features=2**16).transform(texts)
    alike = sp_matmul_topn(matrix, matrix.T.tocsr(), top_n=len(texts), threshold=ALIKE)
    return [text for row, text in enumerate(texts) if not any(column < row for column in alike[row].indices)]


@app.post("/text/{kind}")
def text(kind: str, content: Content):
    return {"text": text_of(content, kind)}


@app.post("/distinct")
def without_repeats(texts: list[str]):
    return distinct(texts)


@app.post("/documents/{kind}", status_code=201)
def index(kind: str, content: Content):
    found = distinct(split(text_of(content, kind)))
    with lock:
        if found:
            vectors().add(model().encode(found, normalize_embeddings=True))
            chunks.extend(found)
        return {"added": len(found), "chunks": len(chunks)}
