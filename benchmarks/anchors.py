"""Tables of public data that anchor the evaluation of models: one row a visit, or a customer.

shoppers   Online Shoppers (UCI, CC BY 4.0): finished visits, did they buy? PageValues is computed
           from orders and gives the label away, so it comes with it and without.
retail     Online Retail (UCI, CC BY 4.0): who bought in the 90 days before 2011-09-10, from all
           that was known then; the label is that they bought nothing in the 90 days after.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Inputs [n, f] and labels [n]."""

GIVES_AWAY = "PageValues"
CUT = datetime(2011, 9, 10)
WINDOW = timedelta(days=90)


def _columns(path: Path) -> dict[str, list[Any]]:
    from pyarrow import parquet

    return dict(parquet.read_table(path).to_pydict())


def shoppers(path: Path, *, page_values: bool) -> Table:
    """The visits of a file; words become numbers in the order of the alphabet. Raises OSError."""
    held = _columns(path)
    truth = np.array(held.pop("Revenue"), np.float32)
    held.pop("row_id")
    if not page_values:
        held.pop(GIVES_AWAY)
    columns = []
    for values in held.values():
        words = {word: at for at, word in enumerate(sorted(set(values)))}
        columns.append([words[v] for v in values] if isinstance(values[0], str) else values)
    return np.array(columns, np.float32).T, truth


def retail(path: Path) -> Table:
    """The customers of a file of invoice lines, cancelled ones left out. Raises OSError."""
    held = _columns(path)
    names = ("CustomerID", "InvoiceNo", "InvoiceDate", "StockCode", "Quantity", "UnitPrice")
    lines: dict[Any, list[Any]] = defaultdict(list)
    for customer, *line in zip(*(held[name] for name in names), strict=True):
        if customer is not None and not line[0].startswith("C"):
            lines[customer].append(line)
    inputs, truth = [], []
    for own in lines.values():
        before = [line for line in own if line[1] < CUT]
        if before and max(line[1] for line in before) >= CUT - WINDOW:
            inputs.append(_customer(before))
            truth.append(not any(CUT <= line[1] < CUT + WINDOW for line in own))
    return np.array(inputs, np.float32), np.array(truth, np.float32)


def _customer(lines: list[Any]) -> list[float]:
    """Recency, tenure, orders, spend, breadth and the pace of one customer at the cut, in days."""
    orders = sorted({(at, number) for number, at, *_ in lines})
    days = [(CUT - at).total_seconds() / 86_400 for at, _ in orders]
    spent = sum(quantity * price for *_, quantity, price in lines)
    recent = sum(each <= WINDOW.days for each in days)
    pace = (days[0] - days[-1]) / max(len(days) - 1, 1)
    late = days[-1] / pace if pace else 0.0
    kinds = len({code for _, _, code, *_ in lines})
    return [days[-1], days[0], len(orders), recent, spent, spent / len(orders), kinds, pace, late]
