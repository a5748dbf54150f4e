"""A script: which event gets which decision, and after how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from schemas.render import Render, RenderProduct

PROVIDED = Path(__file__).parent / "script.yaml"
STEPS_MAX = 100
KINDS = ("modal", "banner", "inline")


class Cta(Struct, frozen=True, forbid_unknown_fields=True):
    """The button of an action."""

    label: str
    url: str = ""


class Drawing(Struct, frozen=True, forbid_unknown_fields=True):
    """What an action shows, as campaigns.yaml writes it."""

    kind: str = "modal"
    title: str = ""
    body: str = ""
    cta: Cta | None = None
    code: str = ""
    countdown_s: int | None = None
    products: tuple[RenderProduct, ...] = ()

    def render(self) -> Render:
        """The same as the schemas have it."""
        label, url = (self.cta.label, self.cta.url) if self.cta else ("", "")
        return Render(self.kind, self.title, self.body, label, url, self.code, self.countdown_s,
                      self.products)  # fmt: skip


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer. `page` limits it to a page type; `none` is a reason instead of an action."""

    event: str
    page: str = ""
    after_ms: int = 30
    ttl_ms: int = 30_000
    campaign: str = "SCRIPTED"
    action: str = "discount_popup"
    none: str = ""
    render: Drawing | None = None

    def answers(self, event: dict[str, Any]) -> bool:
        """Whether this step is about that event."""
        of_page = (event.get("page") or {}).get("type", "")
        return event.get("type") == self.event and self.page in ("", of_page)


def read_script(path: Path = PROVIDED) -> tuple[Step, ...]:
    """The steps of a file, in order. Raises ValueError naming file and field."""
    try:
        steps = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), tuple[Step, ...])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    if len(steps) > STEPS_MAX:
        raise ValueError(f"{path}: at most {STEPS_MAX} steps")
    for number, step in enumerate(steps, 1):
        if (step.render is None) == (not step.none):
            raise ValueError(f"{path}: step {number} needs either `render` or `none`")
        if step.render and step.render.kind not in KINDS:
            raise ValueError(f"{path}: step {number}: kind is one of {', '.join(KINDS)}")
    return steps
