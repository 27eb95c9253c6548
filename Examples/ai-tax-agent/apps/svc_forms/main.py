"""svc-forms: fills the text form of a tax return."""

from decimal import Decimal

from fastapi import HTTPException
from fastapi.responses import PlainTextResponse
from jinja2 import Environment, StrictUndefined
from pydantic import BaseModel, Field
from taxagent.identifiers import is_utr
from taxagent.service import service

app = service("svc-forms")

SA100 = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string("""\
SA100  Tax return, year ended 5 April {{ year }}
Unique Taxpayer Reference  {{ utr[:5] }} {{ utr[5:] }}
{% for name, amount in income.items() %}
{{ "%-40s" | format(name) }} {{ "%14s" | format("{:,.2f}".format(amount)) }}
{% endfor %}
{{ "%-40s" | format("Total") }} {{ "%14s" | format("{:,.2f}".format(income.values() | sum)) }}
""")


class Return(BaseModel):
    year: int = Field(ge=1997, le=2100)
    utr: str
    income: dict[str, Decimal] = Field(min_length=1)


@app.post("/forms/sa100", response_class=PlainTextResponse)
def sa100(form: Return) -> str:
    if not is_utr(form.utr):
        raise HTTPException(422, "utr is not a Unique Taxpayer Reference: its check digit does not fit")
    return SA100.render(form.model_dump())
