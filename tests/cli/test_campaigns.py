"""campaigns, sites and products as commands, against a broker that speaks the real protocol."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer

from cli import campaigns, control, pause, products, sites
from connectors.avro import codec, register_all
from connectors.control import ControlWriter
from connectors.memory import MemoryRegistry
from infra.demo import publish as demo
from schemas.event import Product
from schemas.topics import EVENTS
from tests.builders import event

REGISTRY = MemoryRegistry()
register_all(REGISTRY)
GOOD = """\
campaigns:
  - id: HELLO
    action: discount_popup
    margin: 5
    render: {title: Hello}
"""


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, brokers: str) -> ControlWriter:
    """Writes to that broker, with a stack folder for the keys."""
    made = ControlWriter(brokers, REGISTRY, wait_s=20.0)
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path / "stack"))
    monkeypatch.setenv("KAIROS_GATEWAY_URL", "http://127.0.0.1:18080")
    for module in (control, campaigns, sites, products, pause):
        monkeypatch.setattr(module, "writer", lambda: made)
    return made


def written(folder: Path, name: str, text: str) -> str:
    """A file with this text."""
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_check_tells_every_error_with_line_field_and_fix(kairos: Any, tmp_path: Path) -> None:
    bad = written(tmp_path, "bad.yaml", GOOD + "    ttl: 30\n    cap: 1\n")
    code, said, err = kairos("campaigns", "check", bad)
    assert code == 1
    assert [(each["line"], each["field"], each["fix"]) for each in said["errors"]] == [
        (6, "campaigns[0].ttl", "write 30s"),
        (7, "campaigns[0].cap", "did you mean caps?"),
    ]
    assert err.strip().endswith("2 errors; nothing was published.")


def test_check_needs_no_running_stack(kairos: Any, tmp_path: Path) -> None:
    code, said, _ = kairos("campaigns", "check", written(tmp_path, "c.yaml", GOOD))
    assert (code, said["campaigns"], said["errors"]) == (0, 1, [])


def test_a_missing_file_is_one_sentence(kairos: Any, tmp_path: Path) -> None:
    code, said, err = kairos("campaigns", "check", str(tmp_path / "none.yaml"))
    assert (code, said) == (1, None)
    assert "name an existing file" in err


def test_a_site_is_added_with_its_snippet_and_no_secret_shown(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    code, said, err = kairos("sites", "add", "shop", "--origin", "https://shop.example")
    assert code == 0
    assert said["snippet"].count("\n") == 2
    assert 'src="http://127.0.0.1:18080/sdk/kairos.js" data-site="shop"' in said["snippet"]
    site = writer.newest("sites", "shop")
    for secret in (site.mint_secret, site.identify_secret, site.salt):
        assert len(secret) == 32
        assert secret.hex() not in json.dumps(said) + err
    file = tmp_path / "stack" / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kairos("sites", "add", "shop", "--origin", "https://shop.example")[0] == 1


def test_a_bad_origin_is_refused(kairos: Any, writer: Any) -> None:
    code, said, _ = kairos("sites", "add", "shop", "--origin", "shop.example/x")
    assert (code, said["errors"][0]["field"]) == (1, "sites[0].origins[0]")
    assert writer.newest("sites", "shop") is None


def test_keys_survive_a_changed_site_and_rotate_one_at_a_time(kairos: Any, writer: Any) -> None:
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    before = writer.newest("sites", "shop")
    kairos("sites", "rotate", "shop", "--what", "site-key")
    after = writer.newest("sites", "shop")
    assert after.version == 2 and after.site_key != before.site_key
    assert (after.mint_secret, after.salt) == (before.mint_secret, before.salt)
    assert kairos("sites", "remove", "shop")[1]["removed"]
    assert kairos("sites", "list")[1] == {"sites": []}


def test_a_file_is_applied_once_and_rolled_back_as_a_new_version(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    first = written(tmp_path, "one.yaml", GOOD)
    second = written(tmp_path, "two.yaml", GOOD.replace("HELLO", "OTHER"))
    assert kairos("campaigns", "apply", first)[1]["version"] == 1
    again = kairos("campaigns", "apply", first)[1]
    assert (again["version"], again["changed"]) == (1, False)
    assert kairos("campaigns", "apply", second)[1]["version"] == 2
    back = kairos("campaigns", "rollback")[1]
    assert (back["version"], back["changed"]) == (3, True)
    listed = kairos("campaigns", "list")[1]
    assert [each["id"] for each in listed["campaigns"]] == ["HELLO"]
    assert kairos("campaigns", "rollback", "9")[0] == 1


def test_a_placement_the_site_lacks_is_refused(kairos: Any, writer: Any, tmp_path: Path) -> None:
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    file = written(tmp_path, "c.yaml", GOOD + "    placement: top\n")
    code, said, _ = kairos("campaigns", "apply", file)
    assert (code, said["errors"][0]["fix"]) == (1, "use one of page")
    assert writer.newest("campaigns", "shop") is None


def test_with_two_sites_one_has_to_be_named(kairos: Any, writer: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        kairos("sites", "add", name, "--origin", "https://shop.example")
    file = written(tmp_path, "c.yaml", GOOD)
    code, _, err = kairos("campaigns", "apply", file)
    assert code == 1 and "There is a, b." in err
    assert kairos("campaigns", "apply", file, "--site", "b")[1]["site"] == "b"


def test_pausing_stops_one_campaign_or_all_and_resume_lets_them_go_on(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    kairos("campaigns", "apply", written(tmp_path, "c.yaml", GOOD))
    code, _, err = kairos("pause", "HELO")
    assert code == 1 and "did you mean HELLO?" in err
    assert kairos("pause", "HELLO")[1]["paused"] == ["HELLO"]
    assert writer.newest("campaigns", "shop").campaigns[0].paused
    assert kairos("pause", "--all", "--resume")[1]["paused"] == []


FEEDS = [
    ("p.csv", "id;name;price\np1;Lamp;19.90 EUR\n"),
    (
        "p.json",
        '{"products": [{"id": "p1", "title": "Lamp", "variants": [{"price": "19.90"}]}]}',
    ),
    (
        "p.xml",
        "<rss><channel><item><id>p1</id><title>Lamp</title><price>19.90 EUR</price></item>"
        "</channel></rss>",
    ),
    ("p.yaml", "products: [{id: p1, title: Lamp, price: 19.90}]"),
]


@pytest.mark.parametrize(("name", "text"), FEEDS)
def test_products_come_from_each_format(
    kairos: Any, writer: Any, tmp_path: Path, name: str, text: str
) -> None:
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    code, said, _ = kairos("products", "import", written(tmp_path, name, text))
    assert (code, said["products"]) == (0, 1)
    (product,) = writer.newest("products", "shop").products
    assert (product.id, product.title, product.price_micros) == ("p1", "Lamp", 19_900_000)


BAD_FEEDS = [
    ("p.csv", "id,title,price\np1,Lamp,19.90 USD\n", 2, "export it in EUR"),
    ("p.csv", "id,title,price\np1,Lamp,cheap\n", 2, "12.50"),
    ("p.csv", "id,title,price\np1,Lamp,1,2\n", 2, "quote commas"),
    ("p.json", "{}", 1, "products.json"),
    ("p.json", "{\n,", 2, "export it again"),
    ("p.xml", "<!DOCTYPE a><rss/>", 1, "DOCTYPE"),
    ("p.xml", "<rss>\n<", 2, "export it again"),
    ("p.xml", "<rss/>", 1, "feed"),
    ("p.pdf", "", 1, ".yaml, .csv"),
]


@pytest.mark.parametrize(("name", "text", "line", "fix"), BAD_FEEDS)
def test_a_bad_feed_names_line_and_fix(
    kairos: Any, writer: Any, tmp_path: Path, name: str, text: str, line: int, fix: str
) -> None:
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    code, said, _ = kairos("products", "import", written(tmp_path, name, text))
    assert code == 1 and writer.newest("products", "shop") is None
    assert said["errors"][0]["line"] == line and fix in said["errors"][0]["fix"]


def test_good_rows_of_a_bad_feed_are_told_and_imported_only_on_demand(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    """Never half of a file without a word."""
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    feed = written(tmp_path, "p.csv", "id,title,price\np1,Lamp,9\np2,Bulb,cheap\n")
    code, said, err = kairos("products", "import", feed)
    assert (code, said["products"], said["good"]) == (1, 0, 1) and "--skip-bad" in err
    assert writer.newest("products", "shop") is None
    code, said, err = kairos("products", "import", feed, "--skip-bad")
    assert (code, said["products"], said["errors"][0]["line"]) == (0, 1, 3) and "p.csv:3" in err
    assert [each.id for each in writer.newest("products", "shop").products] == ["p1"]


def test_a_shop_without_a_feed_learns_its_products_from_views(
    kairos: Any, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the event log itself; a bad frame in it teaches nothing and stops nothing."""
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    monkeypatch.setattr(products, "endpoints", lambda: SimpleNamespace(
        brokers=writer.brokers, registry="http://127.0.0.1:1"
    ))  # fmt: skip
    monkeypatch.setattr(products, "RegistryClient", lambda url: REGISTRY)
    producer = Producer({"bootstrap.servers": writer.brokers})
    lamp = Product("lamp", "Lamp", "light", 5_000_000)
    views = [
        event("product_view", n, n, product=lamp, site="shop", user_key=f"shop:v:{n:032x}")
        for n in range(3)
    ]
    producer.list_topics(EVENTS, timeout=10)
    code, _, err = kairos("products", "learn", "--site", "shop")
    assert code == 1 and "no product was viewed yet" in err
    for frame in [*map(codec(EVENTS, REGISTRY).encode, views), b"rubbish"]:
        producer.produce(EVENTS, frame)
    assert producer.flush(20) == 0
    code, said, _ = kairos("products", "learn", "--site", "shop")
    assert (code, said["products"], said["changed"]) == (0, 1, True)
    (known,) = writer.newest("products", "shop").products
    assert (known.id, known.price_micros, known.popularity) == ("lamp", 5_000_000, 3)


def test_the_demo_is_published_once_and_keeps_its_keys(
    writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "RegistryClient", lambda url: REGISTRY)
    first = demo.publish_demo(writer.brokers, "http://127.0.0.1:1", tmp_path)
    assert first == ["sites", "campaigns", "products", "models"]
    site = writer.newest("sites", "demo")
    assert demo.publish_demo(writer.brokers, "http://127.0.0.1:1", tmp_path) == []
    assert writer.newest("sites", "demo") == site
    assert writer.newest("campaigns", "demo").version == 1


def test_the_identify_secret_goes_to_a_file_and_nowhere_else(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    """A file only its owner reads, never over another; Shopify's secret comes from one too."""
    kairos("sites", "add", "shop", "--origin", "https://shop.example")
    target = tmp_path / "identify.secret"
    code, said, err = kairos("sites", "secret", "shop", "--to", str(target))
    secret = writer.newest("sites", "shop").identify_secret.hex()
    assert code == 0 and target.read_text().strip() == secret
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert secret not in json.dumps(said) + err
    assert kairos("sites", "secret", "shop", "--to", str(target))[0] == 1
    given = written(tmp_path, "shopify.secret", "shpss_1\n")
    assert kairos("sites", "connect", "shop", "shopify", "--secret-file", given)[0] == 0
    assert writer.newest("sites", "shop").accepted("shopify", 0) == (b"shpss_1",)
    assert "shpss_1" not in json.dumps(kairos("sites", "list")[1])
