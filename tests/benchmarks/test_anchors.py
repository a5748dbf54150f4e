"""Tables that anchor the evaluation: which rows and labels they have."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from benchmarks.anchors import CUT, retail, shoppers


def test_who_is_a_customer_and_who_left(tmp_path: Path) -> None:
    """Bought in the 90 days before; left who bought nothing in the 90 after; cancelled is none."""
    days = {1: (-10, 20), 2: (-10,), 3: (-95, 5), 4: (-80, 95), 5: (-5,)}
    rows = [
        {"CustomerID": who, "InvoiceNo": f"{'C' if who == 5 else ''}{who}{day}", "StockCode": "1",
         "InvoiceDate": CUT + timedelta(days=day), "Quantity": 2, "UnitPrice": 1.5}
        for who, each in days.items() for day in each
    ]  # fmt: skip
    rows.append({**rows[0], "CustomerID": None, "InvoiceDate": datetime(2011, 9, 1)})
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "retail.parquet")
    inputs, truth = retail(tmp_path / "retail.parquet")
    assert truth.tolist() == [0.0, 1.0, 1.0]
    assert inputs[0, :5].tolist() == [10.0, 10.0, 1.0, 1.0, 3.0]


def test_page_values_come_when_asked_for(tmp_path: Path) -> None:
    """The row's number never does."""
    held = {"row_id": [1, 2], "PageValues": [0.0, 9.0], "Month": ["May", "Dec"], "Revenue": [0, 1]}
    parquet.write_table(pa.table(held), tmp_path / "visits.parquet")
    with_them, truth = shoppers(tmp_path / "visits.parquet", page_values=True)
    without, _ = shoppers(tmp_path / "visits.parquet", page_values=False)
    assert with_them.tolist() == [[0.0, 1.0], [9.0, 0.0]] and without.tolist() == [[1.0], [0.0]]
    assert truth.tolist() == [0.0, 1.0]
