"""`kairos audit`: the same figures from a file, an archive, several processes; and a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from benchmarks.shop_traffic import write_ga4
from cli.main import main
from connectors.audit_log import Audited, audit_share, watched
from connectors.given import campaign_records, model_record
from connectors.log_by_user import open_log
from infra.local.layout import CHECKOUT
from schemas.site import Site

CAMPAIGNS = CHECKOUT / "infra" / "demo" / "campaigns.yaml"
TIMES = ("source", "took_s", "cpu_s")


@pytest.fixture(scope="module")
def traffic(tmp_path_factory):
    """A GA4 export of some visitors, and an archive it was imported into."""
    folder = tmp_path_factory.mktemp("audit")
    write_ga4(folder / "ga4.jsonl", 1_200, 1)
    file = str(folder / "ga4.jsonl")
    assert main(["import", "events", file, "--archive", str(folder / "archive"), "--json"]) == 0
    return folder


def audit(capsys, *arguments):
    """The figures, without what is measured."""
    capsys.readouterr()
    assert main(["audit", *map(str, arguments), "--workers", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return {name: value for name, value in found.items() if name not in TIMES}


@pytest.mark.promise("C77")
def test_a_file_and_an_archive_of_it_give_the_same_audit(traffic, tmp_path, capsys):
    """Every figure, though keys are hashed under other secrets; and the page shows them."""
    page = tmp_path / "audit.html"
    found = audit(capsys, traffic / "ga4.jsonl", "--html", page)
    assert found["events"] >= 1_200 and found["fired"] > 0 and found["orders"] > 0
    archived = audit(capsys, traffic / "archive")
    exact = ("events", "visitors", "sessions", "orders", "order_micros", "decisions", "moments")
    assert {name: found[name] for name in exact} == {name: archived[name] for name in exact}
    sizes = found["to_prove"]["sizes"]
    assert [each["holdout_ppm"] for each in sizes] == [500_000, 200_000, 100_000, 50_000]
    assert found["simulated_lift"]["simulated"] is True
    text = page.read_text()
    for told in ("Simulated.", "Which campaign would have fired", "weeks at this traffic"):
        assert told in text
    assert "<script" not in text and "http" not in text.replace("http-equiv", "")
    HTMLParser().feed(text)


def test_shares_of_users_meet_every_user_once(traffic):
    """Two workers' shares add up to one's whole."""
    folder = traffic / "archive" / "imported"
    (record,) = [each for _, each in campaign_records(CAMPAIGNS, ["demo"])]
    records = (
        ("sites", watched(Site(site="demo"))),
        ("campaigns", record),
        model_record(None),
    )
    given = Audited((folder,), records, record)
    whole, one, two = audit_share(given), audit_share(given, 0, 2), audit_share(given, 1, 2)
    assert 0 < one.visitors < whole.visitors
    one.merge(two)
    assert (one.events, one.visitors, one.any) == (whole.events, whole.visitors, whole.any)
    keys = [
        key for share in (0, 1) for key, _ in open_log(folder, share, 2, lambda _: None).users()
    ]
    assert len(keys) == len(set(keys)) == whole.visitors


def test_planted_a_shop_that_shows_campaigns_would_stop_itself(traffic):
    """In `live` without impressions every reservation lapses, so caps never hold: other figures."""
    folder = traffic / "archive" / "imported"
    (record,) = [each for _, each in campaign_records(CAMPAIGNS, ["demo"])]
    watching = watched(Site(site="demo"))
    assert watching.mode == "observe" and watching.holdout_ppm == 0
    live = Site(site="demo", version=1, salt=b"local", mint_secret=b"-", holdout_ppm=500_000)
    made = [
        audit_share(
            Audited((folder,), (("sites", site), ("campaigns", record), model_record(None)), record)
        )
        for site in (watching, live)
    ]
    assert made[0].any.fired != made[1].any.fired


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "No such file"),
        (["bad.csv"], "bad.csv:2: time:"),
        (["good.csv", "--discount", "lots"], "is no share"),
        (["good.csv", "--consent", "all"], "choose from analytics"),
        (["good.csv", "--site", "My Shop"], "use a-z, 0-9 and -"),
    ],
)
def test_what_cannot_be_audited_is_told_in_one_sentence(
    tmp_path, monkeypatch, capsys, arguments, told
):
    """With the fix, and nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text("time,type,visitor\nnoon,page_view,v\n")
    (tmp_path / "good.csv").write_text("time,type,visitor\n2026-01-01T12:00:00Z,page_view,v\n")
    assert main(["audit", *arguments]) == 1
    said = capsys.readouterr()
    assert told in said.err and said.out == ""
