"""svc-rag-retriever: finds passages by words (BM25), by spelling, and, where EMBEDDING_MODEL is set, by meaning."""

import os
from functools import cache
from threading import Lock

import faiss
from fastapi import HTTPException
from pydantic import BaseModel, Field
from rank_bm25 import BM25Okapi
from sklearn.feature_extraction.text import TfidfVectorizer
from sparse_dot_topn import sp_matmul_topn
from taxagent.service import service

app = service("svc-rag-retriever", embedding=os.environ.get("EMBEDDING_MODEL"))


@cache
def model(name: str):
    from sentence_transformers import SentenceTransformer  # takes seconds: not before it is needed

    return SentenceTransformer(name, device="cpu")


class Index:
    """What is computed once of the passages; replaced as a whole, so that a search always sees one of them."""

    def __init__(self, passages: list[str]):
        self.passages = passages
        self.words = BM25Okapi([passage.lower().split() for passage in passages])
        self.spelling = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4))
        self.matrix = self.spelling.fit_transform(passages).T.tocsr()
        self.vectors = None
        if name := os.environ.get("EMBEDDING_MODEL"):
            embedded = model(name).encode(passages, normalize_embeddings=True)
            self.vectors = faiss.IndexFlatIP(embedded.shape[1])
            self.vectors.add(embedded)

    def rankings(self, query: str, top: int):
        scores = self.words.get_scores(query.lower().split())
        yield [number for number in scores.argsort()[::-1][:top] if scores[number] > 0]
        alike = sp_matmul_topn(self.spelling.transform([query]), self.matrix, top_n=top, sort=True)
        yield list(alike.indices)
        if self.vectors is not None:
            embedded = model(os.environ["EMBEDDING_MODEL"]).encode([query], normalize_embeddings=True)
            yield [number for number in self.vectors.search(embedded, top)[1][0] if number >= 0]

    def search(self, query: str, top: int) -> list[dict]:
        """Reciprocal rank fusion of the rankings."""
        fused: dict[int, float] = {}
        for ranking in self.rankings(query, 4 * top):
            for rank, number in enumerate(ranking, start=1):
                fused[int(number)] = fused.get(int(number), 0.0) + 1 / (60 + rank)
        best = sorted(fused, key=fused.get, reverse=True)[:top]
        return [{"passage": self.passages[number], "score": fused[number]} for number in best]


lock = Lock()
index: Index | None = None


class Query(BaseModel):
    query: str = Field(min_length=1)
    top: int = Field(default=3, ge=1, le=100)


@app.put("/passages")
def replace(passages: list[str]):
    global index
    if not any(passage.split() for passage in passages):
        raise HTTPException(422, "no passage with a word in it")
    with lock:
        index = Index(passages)
    return {"passages": len(passages)}


@app.post("/search")
def search(query: Query):
    if index is None:
        raise HTTPException(409, "no passages yet: PUT /passages first")
    return index.search(query.query, query.top)
