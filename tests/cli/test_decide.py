"""`kairos decide`: recorded events in, decisions out, the same bytes each time."""

from __future__ import annotations

import json

import pytest

from cli.main import main
from connectors.event_lines import as_line
from tests.builders import journey, page

CAMPAIGNS = """
campaigns:
  - id: HELLO
    action: discount_popup
    when: page_views >= 2
    margin: 12.50
    base: 5%
    render: {kind: modal, title: Hello}
"""
STORY = journey(("page_view", 0), ("page_view", 1000, {"page": page("/b")}), ("page_view", 2000))


@pytest.fixture
def files(tmp_path):
    """A folder with the story as JSON Lines and a catalogue."""
    (tmp_path / "campaigns.yaml").write_text(CAMPAIGNS)
    (tmp_path / "events.jsonl").write_bytes(b"".join(as_line(each) for each in STORY))
    return tmp_path


def decide(folder, *options):
    """Exit code of the command over the files of a folder."""
    events, campaigns = folder / "events.jsonl", folder / "campaigns.yaml"
    return main(["decide", "--events", str(events), "--campaigns", str(campaigns), *options])


def test_decisions_come_out_as_lines(files, capsys):
    """One decision a page view, the second page wins."""
    assert decide(files) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["campaign_id"] for line in lines] == ["", "HELLO", ""]
    assert lines[0]["reasons"] == {"when": ["HELLO"]}
    assert lines[1]["class"] == "standard"


def test_the_same_events_give_the_same_chain(files, capsys):
    """Deciding is a function of its input."""
    chains = []
    for _ in range(2):
        assert decide(files, "--chain") == 0
        chains.append(json.loads(capsys.readouterr().out))
    assert chains[0] == chains[1] and len(chains[0]["chain"]) == 1


def test_a_bad_line_is_named_with_its_field(files, capsys):
    """File, line and field, and nothing is decided."""
    (files / "events.jsonl").write_bytes(as_line(STORY[0]) + as_line(STORY[1], session_index=-1))
    assert decide(files) == 1
    error = capsys.readouterr().err
    assert "events.jsonl:2: session_index" in error


def test_at_end_prints_each_profile_s_digest(files, capsys):
    """A digest a user, after the remaining deadlines ran."""
    assert decide(files, "--at-end") == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["user_key"] == STORY[0].user_key and len(last["profile_digest"]) == 16
