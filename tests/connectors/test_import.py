"""Files of other systems become events with their own times, and bad lines are named with a fix."""

from __future__ import annotations

import json

import pytest

from connectors.archive_files import read_about
from connectors.import_formats import EVENTS, FORMATS, ORDERS, format_of, read_file
from connectors.import_log import events_of, import_told, imported_key
from connectors.log_files import LogFilesError
from connectors.log_folder import read_manifest, read_records
from schemas.event import Consent

SECRET, YES = b"0" * 16, Consent(True, True, False)
NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z
ONE_MINUTE_MS, HALF_AN_HOUR_MS = 60_000, 1_800_000

CSV = """time,type,visitor,customer,url,product_id,category,price,value
2026-01-01T12:00:00Z,page_view,v1,,https://shop.example/?q=me#x,,,,
2026-01-01T13:01:00+01:00,product_view,v1,,https://shop.example/p/7,p7,lamps,19.90,
1767268920000,add_to_cart,v1,cust-9,,p7,lamps,19.90,
2026-01-01T12:40:00Z,purchase,v1,,,,,,19.90
"""
ORDER_CSV = """order_id;ordered_at;customer_id;sku;name;unit_price;quantity
A1;2026-01-01T12:00:00Z;cust-9;p7;Lamp;19.90;2
A1;2026-01-01T12:00:00Z;cust-9;p8;Bulb;5;1
A2;2026-01-02T12:00:00Z;cust-8;p7;Lamp;19.90;
"""


def ga4_row(name, at_ms, **more):
    """A row as BigQuery writes it: whole numbers as texts, parameters as typed pairs."""
    params = [
        {"key": "ga_session_id", "value": {"int_value": "1767268800"}},
        {"key": "page_location", "value": {"string_value": "https://shop.example/p/7?gclid=x"}},
        {"key": "page_title", "value": {"string_value": "Lamp"}},
        {"key": "engaged", "value": {"double_value": 1.5}},
    ]
    return {
        "event_date": "20260101", "event_timestamp": str(at_ms * 1000), "event_name": name,
        "event_params": params, "user_pseudo_id": "11.22", "user_id": None,
        "collected_traffic_source": {"manual_source": "mail", "manual_medium": "letter"}, **more,
    }  # fmt: skip


ITEM = {"item_id": "p7", "item_name": "Lamp", "item_category": "lamps", "price": 19.9,
        "quantity": "2"}  # fmt: skip
GA4 = [
    ga4_row("page_view", NOON_MS),
    ga4_row("view_item", NOON_MS + ONE_MINUTE_MS, items=[ITEM]),
    ga4_row("purchase", NOON_MS + 2 * ONE_MINUTE_MS, user_id="cust-9", items=[ITEM],
            ecommerce={"transaction_id": "T1", "purchase_revenue": 39.8}),
    ga4_row("level_up", NOON_MS + 3 * ONE_MINUTE_MS),
]  # fmt: skip


def call(kind, minute, **more):
    """A call of Segment."""
    return {
        "type": kind, "messageId": f"m{minute}", "anonymousId": "a1",
        "timestamp": f"2026-01-01T12:{minute:02d}:00.000Z",
        "context": {"page": {"url": "https://shop.example/p/7?x=1"}}, **more,
    }  # fmt: skip


SEGMENT = [
    call("page", 0, properties={"url": "https://shop.example/", "title": "Home"}),
    call("track", 1, event="Product Viewed",
         properties={"product_id": "p7", "name": "Lamp", "price": 19.9, "category": "lamps"}),
    call("identify", 2, userId="cust-9", traits={"email": "someone"}),
    call("track", 3, event="Order Completed", properties={"order_id": "T1", "revenue": "39.80"}),
    call("group", 4),
]  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """One sample file a format."""
    made = {"csv": CSV, "ga4": _lines(GA4), "segment": _lines(SEGMENT)}
    for name, text in made.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "orders").write_text(ORDER_CSV, encoding="utf-8")
    return tmp_path


def _lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def made(path, name, what=EVENTS):
    """The events of a file."""
    reading = read_file(path, name, what)
    assert reading.problems.errors == []
    return list(events_of(reading.told, "demo", SECRET, "EUR", YES))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_known_by_its_first_line(files, name):
    """A file needs no name to be read."""
    assert format_of(files / name) == name
    (files / "none").write_text("nothing\n")
    assert format_of(files / "none") == ""


@pytest.mark.parametrize(
    ("name", "types", "worth_micros"),
    [
        ("csv", ["page_view", "product_view", "add_to_cart", "purchase"], 19_900_000),
        ("ga4", ["page_view", "product_view", "purchase", "custom"], 39_800_000),
        ("segment", ["page_view", "product_view", "identify", "purchase"], 39_800_000),
    ],
)
def test_each_format_tells_the_same_story(files, name, types, worth_micros):
    """Types, times, the product with its price, the order's worth, one user under one key."""
    events = made(files / name, name)
    assert [each.type for each in events] == types
    assert events[0].received_at_ms == events[0].ts_ms == NOON_MS
    assert events[1].received_at_ms == NOON_MS + ONE_MINUTE_MS
    product = events[1].product
    assert (product.id, product.category, product.price_micros) == ("p7", "lamps", 19_900_000)
    assert [each.value_micros for each in events if each.type == "purchase"] == [worth_micros]
    (key,) = {each.user_key for each in events}
    assert key.startswith("demo:u:") and "cust-9" not in key
    text = repr(events)
    assert "'v1'" not in text and "?" not in text and "11.22" not in text and "someone" not in text


def test_the_same_user_in_two_formats_has_one_key(files):
    """The key depends on the customer's id, not on the file it came in."""
    keys = {made(files / name, name)[0].user_key for name in FORMATS}
    assert len(keys) == 1


def test_silence_of_half_an_hour_ends_a_visit_and_events_are_numbered(files):
    """Where the source names a visit, its word counts."""
    events = made(files / "csv", "csv")
    sessions = [each.session_id for each in events]
    assert sessions[0] == sessions[2] != sessions[3]
    assert [each.session_index for each in events] == [0, 1, 2, 0]
    assert len({each.session_id for each in made(files / "ga4", "ga4")}) == 1


def test_an_order_is_its_lines_in_the_cart_and_a_purchase(files):
    """Its worth is the sum of its lines where no total is told."""
    events = made(files / "orders", "csv", ORDERS)
    told = [(each.type, each.product and each.product.id, each.value_micros) for each in events]
    assert told[:3] == [
        ("add_to_cart", "p7", None), ("add_to_cart", "p8", None), ("purchase", None, 44_800_000),
    ]  # fmt: skip
    assert [each.type for each in made(files / "ga4", "ga4", ORDERS)] == ["purchase"]


BAD = [
    ("csv", "time,type,visitor\nyesterday,page_view,v\n", "time", "2026-03-01T12:00:00Z"),
    ("csv", "time,type,visitor\n2026-01-01T12:00:00,page_view,v\n", "time", "with Z or +01:00"),
    ("csv", "time,type,visitor\n2026-01-01T12:00:00Z,looked,v\n", "type", "page_view or purchase"),
    ("csv", "time,type,visitor\n2026-01-01T12:00:00Z,page_view,\n", "visitor", "say whose"),
    ("csv", "time,type,visitor\n12,page_view,v\n", "time", "check its unit"),
    ("csv", "time,visitor\n1,v\n", "type", "name a column type"),
    ("csv", "time,type,visitor,price,product_id\n1767268800000,click,v,1e9,p\n", "price", "19.90"),
    ("csv", "time,type,visitor\n1767268800000,click,v,x\n", "row", "quote commas"),
    ("ga4", '{"event_timestamp": "1"}\n', "event_name", "export whole rows"),
    ("ga4", _lines([ga4_row("a", 1)]), "event_timestamp", "check its unit"),
    ("ga4", _lines([ga4_row("a", NOON_MS, user_pseudo_id=None)]), "user_pseudo_id", "--skip-bad"),
    ("ga4", "{nothing\n", "line", "one JSON object a line"),
    ("segment", _lines([call("track", 1, anonymousId="")]), "anonymousId", "whole calls"),
    ("segment", _lines([call("track", 1, timestamp="noon")]), "timestamp", "2026-03-01"),
    ("segment", _lines([{"type": "ask"}]), "type", "page, track"),
]


@pytest.mark.parametrize(("name", "text", "field", "fix"), BAD)
def test_a_bad_line_is_named_with_its_field_and_fix(tmp_path, name, text, field, fix):
    """Nothing is guessed, nothing swallowed."""
    (tmp_path / "bad").write_text(text, encoding="utf-8")
    reading = read_file(tmp_path / "bad", name)
    (error,) = reading.problems.errors
    assert reading.told == () and error.field == field and fix in error.fix
    assert error.line == (2 if name == "csv" and "name a column" not in fix else 1)


def test_an_import_lands_once_in_an_archive_of_its_own(files):
    """A second import of the file does nothing; the live archive is untouched."""
    folder = files / "archive"
    told = read_file(files / "csv", "csv").told
    done = import_told(folder, files / "csv", told, "demo", "EUR", YES)
    assert (done.events, done.users, done.sessions, done.skipped) == (4, 1, 2, 0)
    assert read_manifest(folder / "imported").topics["events"].records == 4
    with pytest.raises(LogFilesError, match="was imported before"):
        import_told(folder, files / "csv", told, "demo", "EUR", YES)
    assert not (folder / "archive.json").exists()
    key = imported_key(folder, "demo", "cust-9", known=True)
    assert {each.key for each in read_records(folder / "imported", "events")} == {key.encode()}


def test_an_interrupted_import_goes_on_where_it_was(files, monkeypatch):
    """Killed after some commits: the same command finishes it without doubles."""
    folder, told = files / "archive", read_file(files / "csv", "csv").told
    monkeypatch.setattr("connectors.import_log.COMMIT_ROWS", 1)
    commits = []
    commit = import_told.__globals__["ArchiveWriter"].commit

    def cut(self):
        if len(commits) == 2:
            raise KeyboardInterrupt
        commits.append(1)
        commit(self)

    with monkeypatch.context() as patch:
        patch.setattr("connectors.import_log.ArchiveWriter.commit", cut)
        with pytest.raises(KeyboardInterrupt):
            import_told(folder, files / "csv", told, "demo", "EUR", YES)
    done = import_told(folder, files / "csv", told, "demo", "EUR", YES)
    assert done.skipped == 2 and done.events == 4
    records = list(read_records(folder / "imported", "events"))
    assert [each.offset for each in records] == [0, 1, 2, 3]
    assert len({each.value for each in records}) == 4
    assert read_about(folder / "imported").secret
