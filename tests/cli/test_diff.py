"""`kairos diff`: what changes between two catalogues, by cause, the same for any workers."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cli import diff
from cli.diff_html import page
from cli.diff_sides import Chosen, chosen
from cli.main import main
from cli.output import CommandError
from connectors.diff_log import RememberingScorer, Sides, totals_of
from connectors.event_lines import as_line
from connectors.log_by_user import open_log, records_in
from connectors.log_decide import decide_log
from models.why_totals import SAMPLES_MAX, Totals
from tests.builders import journey, lamp
from tests.models.why_cases import cases_of

pytestmark = pytest.mark.long

A = """
campaigns:
  - id: HELLO
    action: discount_popup
    when: page_views >= 2
    margin: 12.50
    base: 5%
    render: {title: Hello}
  - id: CART
    action: free_shipping_banner
    stages: [cart]
    margin: 6
    base: 5%
    render: {title: Free shipping}
"""
B = A.replace("page_views >= 2", "page_views >= 3").replace("margin: 6\n", "margin: 7\n")
USERS = 7
LAYOUT_1 = Path(__file__).parents[1] / "golden" / "layout_1" / "log"


def story(user):
    """Three pages and a cart of one visitor."""
    steps = (("page_view", 0), ("page_view", 1000), ("page_view", 2000))
    product = lamp()
    events = journey(*steps, ("add_to_cart", 3000, {"product": product}))
    key = f"demo:v:{user:032x}"
    return [
        as_line(each, user_key=key, product={"id": "lamp"} if each.product else None)
        for each in events
    ]


@pytest.fixture
def files(tmp_path):
    """Two catalogues and a log in which the visitors' events lie between each other."""
    (tmp_path / "a.yaml").write_text(A)
    (tmp_path / "b.yaml").write_text(B)
    stories = [story(user) for user in range(USERS)]
    lines = [line for step in zip(*stories, strict=True) for line in step]
    (tmp_path / "events.jsonl").write_bytes(b"".join(lines))
    return tmp_path


def sides(folder, one="a.yaml", two="b.yaml"):
    """What the command would compare."""
    named = {"campaigns": [folder / one, folder / two], "model": [], "policy": [], "sites": None}
    return chosen(Namespace(events=folder / "events.jsonl", **named)).sides


def test_the_command_counts_changes_by_cause(files, capsys):
    """HELLO moves from the second page to the third; CART costs more but wins alone."""
    events, page_file = files / "events.jsonl", files / "out.html"
    two = ["--campaigns", str(files / "a.yaml"), "--campaigns", str(files / "b.yaml")]
    options = ["--workers", "2", "--json", "--html", str(page_file)]
    assert main(["diff", "--events", str(events), *two, *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["total"], told["events"], told["users"]) == (4 * USERS, 4 * USERS, USERS)
    assert (told["changed"], told["changed_first"], told["users_changed"]) == (14, 7, 7)
    causes = {(each["kind"], each["cause"]): each["count"] for each in told["causes"]}
    assert causes == {("winner", "rule when"): 7, ("winner", "rule stage_used"): 7}
    assert told["samples"][0]["before"] in ("", "HELLO") and len(told["samples"]) == 2 * SAMPLES_MAX
    assert "HELLO" in page_file.read_text()


def test_shares_of_the_users_add_up_to_the_whole(files):
    """One worker or three: the same totals and the same samples."""
    whole, parts = totals_of(sides(files)), Totals()
    for share in range(3):
        parts.merge(totals_of(sides(files), share, 3))
    assert parts == whole and whole.changed == 14


def test_the_same_catalogue_changes_nothing(files):
    """A check that always finds something would say nothing."""
    assert totals_of(sides(files, two="a.yaml")).changed == 0


def test_an_exported_log_is_decided_as_its_job_decided_it():
    """Side a of a log without given files makes the decisions of `kairos decide`, all of them."""
    done = decide_log(LAYOUT_1)
    found = totals_of(Sides(LAYOUT_1, (), ()))
    decided = Counter(each.campaign_id for each in done.decisions if each.render is not None)
    assert found.decisions == len({each.slot_id for each in done.decisions}) > 0
    assert found.wins[0] == found.wins[1] == decided and found.changed == 0
    ticks = records_in(LAYOUT_1) - found.events
    assert found.events > 0 and ticks > 0


def test_a_log_is_read_user_by_user_in_its_order(files):
    """Every event once, each user's by index."""
    log = open_log(files / "events.jsonl", 0, 1, lambda _: None)
    read = {key: [each.session_index for each in records] for key, records in log.users()}
    assert read == {f"demo:v:{user:032x}": [0, 1, 2, 3] for user in range(USERS)}


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({}, "nothing to compare"),
        ({"campaigns": ["a.yaml"]}, "nothing to compare"),
        ({"campaigns": ["a.yaml"] * 3}, "--campaigns, --model, --policy twice"),
        ({"campaigns": ["a.yaml"] * 2, "model": ["m"] * 2}, "--campaigns, --model, --policy twice"),
        ({"model": ["m", "m"]}, "--campaigns names no file"),
    ],
)
def test_what_cannot_be_compared_is_refused(files, given, want):
    """In one sentence that says what to give."""
    named = {
        name: [files / each for each in given.get(name, [])]
        for name in ("campaigns", "model", "policy")
    }
    with pytest.raises(CommandError, match=want):
        chosen(Namespace(events=files / "events.jsonl", sites=None, **named))


def test_a_broken_line_is_named(files, capsys):
    """File, line and field."""
    with (files / "events.jsonl").open("ab") as log:
        log.write(b'{"site": "demo"}\n')
    two = ["--campaigns", str(files / "a.yaml"), "--campaigns", str(files / "b.yaml")]
    assert main(["diff", "--events", str(files / "events.jsonl"), *two, "--workers", "1"]) == 1
    assert f"events.jsonl:{4 * USERS + 1}: " in capsys.readouterr().err


class Texts(HTMLParser):
    """Collects a page's tags and texts."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = Counter(), []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_escapes_what_a_file_says(files):
    """A campaign cannot be named so, a path can: it stays text."""
    found = sides(files)
    evil = '<script>alert("x")</script>&'
    made = page(totals_of(found), Chosen(found, "campaigns", evil, evil, "EUR"))
    texts = Texts()
    texts.feed(made)
    assert texts.tags["script"] == 0 and texts.tags["table"] == 4
    assert any(evil in text for text in texts.texts)
    assert "http" not in made and "url(" not in made and "@import" not in made


class Counting:
    """A scorer that counts its questions and changes what it is asked with."""

    def __init__(self):
        self.asked = 0

    def step(self, features, hidden):
        self.asked += 1
        return [int(sum(features))], hidden + b"x"


def test_a_remembering_scorer_answers_as_the_one_beneath():
    """Only the very same question is answered from memory, and the answer is the caller's own."""
    counting = Counting()
    scorer, features = RememberingScorer(counting), [1.0, 2.0]
    first, _ = scorer.step(features, b"")
    first.append(9)
    assert scorer.step(features, b"") == ([3], b"x") and counting.asked == 1
    features[0] = 5.0
    assert scorer.step(features, b"") == ([7], b"x") and counting.asked == 2
    assert scorer.step(features, b"y") == ([7], b"yx") and counting.asked == 3


def test_the_help_says_what_the_result_is_not():
    """Whoever reads a comparison as a forecast of money was not told."""
    assert "not what it would have earned" in diff.__doc__
    assert cases_of([], {}, {"stickiness": 1, "frustration": 1}, ["scroll"]) == []
