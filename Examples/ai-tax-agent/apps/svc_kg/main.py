"""svc-kg: a graph of facts about taxpayers, as RDF."""

from threading import Lock

from fastapi import Response
from pydantic import BaseModel, Field
from rdflib import Graph, Literal, Namespace
from taxagent.service import service

app = service("svc-kg")

TAX = Namespace("urn:taxagent:")
graph = Graph()
graph.bind("tax", TAX)
lock = Lock()  # endpoints run in several threads


class Fact(BaseModel):
    subject: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    predicate: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    value: str


@app.post("/facts", status_code=201)
def add(facts: list[Fact]):
    with lock:
        for fact in facts:
            graph.add((TAX[fact.subject], TAX[fact.predicate], Literal(fact.value)))
        return {"facts": len(graph)}


@app.get("/graph")
def turtle():
    with lock:
        return Response(graph.serialize(format="turtle"), media_type="text/turtle")
