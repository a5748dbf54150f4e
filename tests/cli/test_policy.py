"""policy: versions listed, one put in force by hand and held, an older one again, released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cli import control, policy
from connectors.avro import register_all
from connectors.control import ControlWriter
from connectors.memory import MemoryRegistry
from models.learned_policy import learned
from models.learner import Arm
from models.learning import Ridge
from models.policy_checks import WEIGHT_PPM_MAX
from schemas.campaign import Campaign, Campaigns
from schemas.policy import Policy, Quality
from schemas.site import Site

REGISTRY = MemoryRegistry()
register_all(REGISTRY)
FIRST, SECOND = Quality(base_ppm=20_000, rewards=7), Quality(base_ppm=30_000, rewards=9)
FILE = {"qualities": {"HELLO": {"base_ppm": 44_000, "response": {"churn_risk": 9_000}}}}


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch, brokers: str) -> ControlWriter:
    """Writes to that broker, in which a site has two learned policies."""
    made = ControlWriter(brokers, REGISTRY, wait_s=20.0)
    for module in (control, policy):
        monkeypatch.setattr(module, "writer", lambda: made)
    monkeypatch.setattr(policy, "EFFECTIVE_AFTER_MS", 0)
    made.publish_site(Site(site="shop"))
    made.publish_campaigns(Campaigns(site="shop", campaigns=(Campaign(id="HELLO"),)))
    for number, quality in enumerate((FIRST, SECOND), 1):
        made.publish_policy(
            Policy(
                site="shop",
                qualities={"HELLO": quality},
                pacing_ppm={"HELLO": number},
                explore_floor_ppm=20_000,
                learned_until_ms=number * 2_000,
                rewards=400 * number,
                ece_ppm=30_000,
                fallback_reason="unproven",
                snapshot=b"seal",
            )
        )
    return made


def file_of(folder: Path, content: Any) -> str:
    path = folder / "policy.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def newest(writer: ControlWriter) -> Policy:
    found: Policy | None = writer.newest("policy", "shop")
    assert found is not None
    return found


def test_the_versions_of_a_site_are_listed_newest_first(kairos: Any, writer: Any) -> None:
    said = kairos("policy", "list")[1]
    assert [(each["version"], each["rewards"]) for each in said["policies"]] == [(2, 800), (1, 400)]
    assert said["policies"][0]["qualities"]["HELLO"]["base_ppm"] == 30_000
    shown = kairos("policy", "list", "--last", "1")[1]
    assert (shown["versions"], len(shown["policies"])) == (2, 1)


def test_a_published_policy_is_held_and_nobody_writes_a_measurement(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    """Pacing, outcomes and calibration stay those that learning published."""
    before = newest(writer)
    code, said, _ = kairos("policy", "publish", file_of(tmp_path, FILE))
    assert (code, said["version"], said["held"]) == (0, 3, True)
    quality = Quality(base_ppm=44_000, response={"churn_risk": 9_000})
    made = replace(before, qualities={"HELLO": quality}, held=True, fallback_reason="")
    found = newest(writer)
    assert found == replace(made, version=3, effective_at_ms=found.effective_at_ms)
    lesson = Ridge((Arm("HELLO", 1_000_000),))
    assert learned(found, lesson, lesson.empty(), 9_000).qualities == found.qualities


REFUSED: list[tuple[str, Any, str]] = [
    ("not JSON", "{", "truncated"),
    ("no qualities", {}, "missing required field `qualities`"),
    ("a typing error", {"qualities": {"HELLO": {"bse_ppm": 1}}}, "unknown field `bse_ppm`"),
    ("a measurement", {**FILE, "rewards": 9_999}, "unknown field `rewards`"),
    ("absurd", {"qualities": {"HELLO": {"base_ppm": WEIGHT_PPM_MAX + 1}}}, "a weight is beyond"),
    ("no float", {"qualities": {"HELLO": {"base_ppm": 0.5}}}, "Expected `int`"),
    ("outside its bounds", {"qualities": {"HELLO": {"mean_ppm": 9}}}, "outside its bounds"),
    ("too much exploring", {**FILE, "explore_floor_ppm": 900_000}, "explore_floor_ppm"),
    ("another's campaign", {"qualities": {"HELO": {}}}, "no campaign 'HELO'; HELLO?"),
]


@pytest.mark.parametrize(
    ("content", "complaint"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_policy_that_says_too_much_is_refused_and_nothing_published(
    kairos: Any, writer: Any, tmp_path: Path, content: Any, complaint: str
) -> None:
    code, said, err = kairos("policy", "publish", file_of(tmp_path, content))
    assert (code, said) == (1, None)
    assert complaint in err and "nothing was published" in err and "policy.json" in err
    assert newest(writer).version == 2


def test_a_missing_file_and_an_unknown_site_are_one_sentence(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    assert "name an existing file" in kairos("policy", "publish", str(tmp_path / "none"))[2]
    file = file_of(tmp_path, {**FILE, "site": "other"})
    assert "no site 'other'" in kairos("policy", "publish", file)[2]


def test_rollback_is_the_older_version_published_again_and_held(kairos: Any, writer: Any) -> None:
    """By default the newest that says something else; pacing is of now."""
    assert kairos("policy", "rollback")[1]["version"] == 3
    found = newest(writer)
    assert (found.qualities, found.held) == ({"HELLO": FIRST}, True)
    assert (found.pacing_ppm, found.rewards) == ({"HELLO": 2}, 800)
    assert kairos("policy", "rollback", "2")[0] == 0
    assert newest(writer).qualities == {"HELLO": SECOND}
    assert "no version 77" in kairos("policy", "rollback", "77")[2]


def test_release_ends_the_hold_once(kairos: Any, writer: Any) -> None:
    assert "nothing to release" in kairos("policy", "release")[2]
    kairos("policy", "rollback")
    code, said, _ = kairos("policy", "release")
    assert (code, said["held"], said["version"]) == (0, False, 4)
    assert newest(writer).qualities == {"HELLO": FIRST}
    assert kairos("policy", "release")[0] == 1


def test_what_learning_publishes_at_the_same_moment_does_not_end_a_hold(
    kairos: Any, writer: ControlWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went on from the version before: the command publishes once more, over it."""
    stale, publish = newest(writer), ControlWriter.publish_policy
    crossings = [stale]

    def crossed(self: ControlWriter, made: Policy) -> Policy:
        told = publish(self, made)
        if crossings:
            publish(self, crossings.pop())
        return told

    monkeypatch.setattr(ControlWriter, "publish_policy", crossed)
    assert kairos("policy", "rollback")[1]["version"] == 5
    assert newest(writer).held
    crossings += [stale] * 9
    assert "try again" in kairos("policy", "rollback", "2")[2]
