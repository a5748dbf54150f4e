"""Plays a story on the job that runs without an engine, and writes what came of each step."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import yaml
from msgspec.structs import asdict, replace

from connectors.avro import fingerprint
from connectors.files import Read, read_campaigns, read_products, read_sites
from connectors.log_decide import catalogue_names, codecs
from connectors.memory import MemoryRegistry
from connectors.onnx import OnnxScorer
from connectors.routes import read_routed
from infra.demo.publish import FOLDER
from infra.model import load as load_model
from jobs.settings import GRACE_MS
from models.context import Context
from models.facts import facts
from models.names import NAMES
from models.signals import SIGNALS
from models.why import explain
from models.why_case import Case
from operators.codecs import Codecs
from operators.hop import Out
from operators.local import LocalJob
from schemas import profile as profiles
from schemas.decision import Decision
from schemas.event import Event
from schemas.model import Model
from schemas.policy import Policy
from schemas.products import Products
from schemas.topics import DECISIONS, TRIGGERS
from tests.builders import BEGINNING
from tests.journeys.events import SITE, Sender, key_of
from tests.journeys.story import BadStory, Step, Story
from tests.journeys.told import INDENT, fact, outside, told

T = TypeVar("T")
_COUNTS = ("duplicate", "late", "conflict", "dead_lettered")


def played(story: Story) -> str:
    """The story's text with what kairos does after each step. Raises BadStory."""
    stage = _Stage(story)
    out = [story.head]
    for line in story.lines:
        if isinstance(line, str):
            out.append(line + "\n")
            continue
        text, step = line
        try:
            before, after = stage.perform(step)
        except BadStory as bad:
            raise BadStory(f"{story.name}: {text!r}: {bad}") from bad
        out += [each + "\n" for each in (*before, text, *after)]
    return "".join(out)


class _Stage:
    """The shop of a story, with its visitors."""

    def __init__(self, story: Story) -> None:
        self.context = shop(story)
        self.job = LocalJob(self.context, _codecs())
        self.sender = Sender(_demo_products())
        self.at_ms = 0
        self._cases: dict[str, Case] = {}

    def perform(self, step: Step) -> tuple[list[str], list[str]]:
        """Lines of what fell due before the step, and of what came of it."""
        if step.at_ms < self.at_ms:
            raise BadStory("goes back in time")
        self.at_ms = step.at_ms
        due_ms = BEGINNING + step.at_ms - (0 if step.word == "wait" else GRACE_MS + 1)
        before = self._said(self.job.advance(due_ms))
        if step.word == "wait":
            return [], before
        if step.word == "profile":
            return before, [INDENT + self._known(step)]
        if step.word == "why":
            return before, [INDENT + self._why(step)]
        if step.word == "restart":
            self._restart()
            return before, []
        return before, self._sent(self.sender.event(step))

    def _sent(self, event: Event) -> list[str]:
        counted = self._counts(event.user_key)
        made = self.job.applied(event)
        if event.internal:
            told = asdict(self.job.chosen(made)[0].counts)
            return [INDENT + ", ".join(f"{name} {count}" for name, count in told.items())]
        after = self._counts(event.user_key)
        changed = [name for name in _COUNTS if after[name] > counted[name]]
        lines = [f"{INDENT}counted as {name}" for name in changed]
        return lines + self._said(made)

    def _said(self, made: Out) -> list[str]:
        """Decisions and messages outside the page, in the order in which they were written."""
        lines = []
        for _, payload in made:
            topic, _, frame = read_routed(payload)
            if topic == TRIGGERS:
                lines.append(outside(_codecs().triggers.decode(frame)))
            if topic != DECISIONS:
                continue
            decision = self.job.decisions.decode(frame)
            self.sender.told(decision)
            self._cases[decision.user_key] = self._case(decision)
            names = catalogue_names(self.context, decision)
            site = self.context.at(SITE, decision.decided_at_ms).site
            placed = site is not None and len(site.placements) > 1
            lines += told(decision, names, placed=placed)
        return lines

    def _case(self, decision: Decision) -> Case:
        """The decision with the facts that conditions read at its moment."""
        now_ms, trigger = decision.decided_at_ms, decision.trigger.kind
        view = self.context.at(SITE, now_ms)
        profile = profiles.load(self.job.states[decision.user_key])
        assert profile is not None
        places = [t for t in profile.tabs if t.tab_id == decision.tab_id]
        tab = places[-1] if places else profiles.Tab("", "")
        return Case(decision, view, facts(profile, tab, view, trigger, now_ms))

    def _why(self, step: Step) -> str:
        """What `kairos why` says of the visitor's newest decision."""
        key = key_of(step.named.get("who", "visitor"))
        if key not in self._cases:
            raise BadStory("why: nothing was decided yet")
        why = explain(self._cases[key])
        if not why.exact:
            raise BadStory("why: the explanation does not add up")
        return why.sentence

    def _counts(self, key: str) -> dict[str, int]:
        profile = profiles.load(self.job.states.get(key))
        return {name: getattr(profile, name) if profile else 0 for name in _COUNTS}

    def _known(self, step: Step) -> str:
        """Named facts of a visitor, as a condition would read them now."""
        profile = profiles.load(self.job.states.get(key_of(step.named.get("who", "visitor"))))
        if profile is None:
            return "nothing is known of this visitor"
        unknown = [name for name in step.what if name not in NAMES]
        if unknown or not step.what:
            raise BadStory(f"profile: ask for names of conditions, not {unknown}")
        now_ms, tab = BEGINNING + step.at_ms, (profile.tabs or [profiles.Tab("", "")])[-1]
        view = self.context.at(SITE, now_ms)
        known = facts(profile, tab, view, "", now_ms)
        for name in SIGNALS.keys() & set(step.what):
            known[name] = SIGNALS[name](profile, tab, view, now_ms)
        return ", ".join(fact(name, known.get(name, NAMES[name].zero)) for name in step.what)

    def _restart(self) -> None:
        """A new process takes over states and timers; nothing else survives."""
        old, self.job = self.job, LocalJob(self.context, _codecs())
        self.job.states, self.job.timers = dict(old.states), list(old.timers)
        self.job.watermark_ms = old.watermark_ms


def shop(story: Story) -> Context:
    """The demo's shop with what a story's header changes."""
    header = story.header
    # Compiling codecs and graphs takes longer than all that visitors do.
    out = Context(lambda model: _scorer(), fingerprint(DECISIONS))
    (row,) = yaml.safe_load((FOLDER / "sites.yaml").read_text())["sites"]
    sites = _record(read_sites, yaml.safe_dump({"sites": [row | header.get("site", {})]}))
    out.add("sites", replace(sites[0], version=1, salt=b"salt", mint_secret=b"mint"))
    text = (FOLDER / "campaigns.yaml").read_text()
    if "campaigns" in header:
        text = story.section("channels") + story.section("campaigns")
    out.add("campaigns", replace(_record(read_campaigns, text), site=SITE, version=1))
    out.add("products", _demo_products())
    if header.get("model", "demo") == "demo":
        out.add("models", _model())
    if "policy" in header:
        out.add("policy", Policy(site=SITE, version=1, **header["policy"]))
    return out


def demo() -> Context:
    """The demo's shop as it is published."""
    return shop(Story("demo", {}, ""))


@cache
def _codecs() -> Codecs:
    return codecs(MemoryRegistry())


@cache
def _model() -> Model:
    return replace(load_model(), version=1)


@cache
def _scorer() -> OnnxScorer:
    return OnnxScorer.from_model(_model())


@cache
def _demo_products() -> Products:
    return replace(_record(read_products, (FOLDER / "products.yaml").read_text()), version=1)


def _record(read: Callable[[str], Read[T]], text: str) -> T:
    found = read(text)
    if found.record is None:
        raise BadStory("; ".join(each.sentence() for each in found.errors))
    return found.record
