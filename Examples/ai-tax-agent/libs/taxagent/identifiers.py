"""Numbers that name a taxpayer in the United Kingdom, and amounts of money, as they stand in documents."""

import re
from decimal import Decimal

UTR = re.compile(r"(?<!\d)(\d{5})[ ]?(\d{5})(?!\d)")
NINO = re.compile(
    r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])[ ]?(\d{2})[ ]?(\d{2})[ ]?(\d{2})[ ]?([A-D])\b"
)
AMOUNT = re.compile(r"£[ ]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d{2})?(?![\d,])")

_WEIGHTS = (6, 7, 8, 9, 10, 5, 4, 3, 2)
_CHECK_DIGITS = "21987654321"


def is_utr(number: str) -> bool:
    """Whether the check digit (the first of the ten) of a Unique Taxpayer Reference fits the nine others."""
    if not re.fullmatch(r"[0-9]{10}", number):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number[1:]))
    return _CHECK_DIGITS[total % 11] == number[0]


def utrs(text: str) -> list[str]:
    return [number for number in map("".join, UTR.findall(text)) if is_utr(number)]


def ninos(text: str) -> list[str]:
    return ["".join(parts) for parts in NINO.findall(text)]


def amounts(text: str) -> list[Decimal]:
    return [Decimal(pounds.replace(",", "") + pence) for pounds, pence in AMOUNT.findall(text)]
