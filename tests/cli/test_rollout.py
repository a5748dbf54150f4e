"""rollout: a new site observes until calibration is measured on its own outcomes, or by force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import control, rollout, sites
from cli.main import main
from connectors.avro import register_all
from connectors.control import ControlWriter
from connectors.memory import MemoryRegistry
from schemas.policy import Policy

REGISTRY = MemoryRegistry()
register_all(REGISTRY)
ADD = ("sites", "add", "shop", "--origin", "https://shop.example")
FILE = "sites:\n  - id: shop\n    origins: [https://shop.example]\n"
UNMEASURED = "calibration is not measured: 0 of 1000 outcomes of its own"


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, brokers: str) -> ControlWriter:
    """Writes to that broker, with a stack folder for the keys."""
    made = ControlWriter(brokers, REGISTRY, wait_s=20.0)
    monkeypatch.setenv("KAIROS_STACK_DIR", str(tmp_path / "stack"))
    for module in (control, sites, rollout):
        monkeypatch.setattr(module, "writer", lambda: made)
    return made


def site_of(writer: ControlWriter) -> tuple[str, int, bool]:
    """Mode, share and whether it was forced, as the log has them."""
    site = writer.newest("sites", "shop")
    assert site is not None
    return site.mode, site.rollout_ppm, site.forced


def test_a_new_site_observes_however_it_is_made(kairos: Any, writer: Any, tmp_path: Path) -> None:
    assert kairos(*ADD)[1]["mode"] == "observe"
    assert site_of(writer) == ("observe", 1_000_000, False)
    file = tmp_path / "sites.yaml"
    file.write_text(FILE.replace("shop\n", "other\n", 1))
    assert kairos("sites", "apply", str(file))[1]["sites"][0]["mode"] == "observe"


def test_a_site_shows_nothing_before_its_outcomes_are_measured(kairos: Any, writer: Any) -> None:
    """The refusal names how many of how many, and the way out; nothing is published."""
    kairos(*ADD)
    code, _, err = kairos("rollout", "1")
    assert code == 1 and UNMEASURED in err and "--force" in err
    writer.publish_policy(Policy(site="shop", rewards=412))
    code, _, err = kairos("rollout", "10%")
    assert code == 1 and "412 of 1000 outcomes" in err
    writer.publish_policy(Policy(site="shop", rewards=2_000, ece_ppm=71_000))
    code, _, err = kairos("rollout", "10%")
    assert code == 1 and "7.1 % off" in err
    assert site_of(writer) == ("observe", 1_000_000, False)
    assert kairos("rollout", "0")[0] == 0
    assert kairos("rollout", "110")[0] == 1


@pytest.mark.parametrize(("percent", "ppm"), [("10%", 100_000), ("2.5", 25_000), ("100", 10**6)])
def test_a_measured_site_shows_to_a_share_and_may_show_to_fewer_again(
    kairos: Any, writer: Any, percent: str, ppm: int
) -> None:
    kairos(*ADD)
    writer.publish_policy(Policy(site="shop", rewards=1_000, ece_ppm=50_000))
    code, said, _ = kairos("rollout", percent)
    assert (code, said["version"], said["rollout_ppm"], said["forced"]) == (0, 2, ppm, False)
    assert site_of(writer) == ("live", ppm, False)
    writer.publish_policy(Policy(site="shop", rewards=1_000, ece_ppm=90_000))
    assert kairos("rollout", "1")[0] == 0
    assert kairos("rollout", "2")[0] == 1
    assert kairos("rollout", "0")[1]["mode"] == "observe"


def test_force_is_said_and_kept_until_nobody_sees_actions(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    kairos(*ADD)
    code, said, _ = kairos("rollout", "50", "--force")
    assert (code, said["forced"], said["lacking"]) == (0, True, UNMEASURED)
    assert kairos("rollout", "10")[0] == 0
    assert site_of(writer) == ("live", 100_000, True)
    assert kairos("sites", "list")[1]["sites"][0]["forced"]
    kairos("rollout", "0")
    assert site_of(writer) == ("observe", 0, False)


def test_a_file_that_does_not_speak_of_showing_leaves_it_as_it_is(
    kairos: Any, writer: Any, tmp_path: Path
) -> None:
    """One that does is obeyed, and marked where nothing is measured yet."""
    file = tmp_path / "sites.yaml"
    file.write_text(FILE)
    assert kairos(*ADD, "--mode", "live")[1]["forced"]
    kairos("rollout", "10")
    assert not kairos("sites", "apply", str(file))[1]["sites"][0]["changed"]
    assert site_of(writer) == ("live", 100_000, True)
    kairos("rollout", "0")
    kairos("sites", "apply", str(file))
    assert site_of(writer) == ("observe", 0, False)
    file.write_text(FILE + "    mode: live\n    rollout: 5%\n")
    kairos("sites", "apply", str(file))
    assert site_of(writer) == ("live", 50_000, True)


def test_the_list_of_sites_tells_who_may_see_actions(
    writer: Any, kairos: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    kairos(*ADD)
    for shows, cell in ((("0",), "observe  -"), (("5", "--force"), "live  5 %, forced")):
        kairos("rollout", *shows)
        assert main(["sites", "list"]) == 0
        assert cell in capsys.readouterr().out
