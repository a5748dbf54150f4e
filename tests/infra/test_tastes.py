"""A change of taste moves answers between actions and invents none."""

from __future__ import annotations

from collections import Counter

from connectors.sdk_client import wall_ms
from infra.demo.persona import Persona
from infra.demo.personas import PERSONAS
from infra.demo.simulation import Crowd, Simulation
from infra.demo.tastes import turned


def answers(persona: Persona) -> Counter[tuple[float, ...]]:
    """How a persona answers, without saying what."""
    return Counter(tuple(each) for each in persona.responses.values())


def test_a_turned_persona_answers_the_same_to_other_actions() -> None:
    for persona in PERSONAS:
        after = turned(persona)
        assert answers(after) == answers(persona)
        assert turned(after).responses == persona.responses
        assert (after.weights, after.will_buy) == (persona.weights, persona.will_buy)
    assert any(turned(each).responses != each.responses for each in PERSONAS)


def test_who_lands_after_the_turn_is_of_the_other_taste() -> None:
    def responses(after_s: float, turn_s: float) -> set[str]:
        crowd = Crowd("http://unused", "demo", "7", 1.0, 60.0, turn_s=turn_s)
        simulation = Simulation(crowd, (), remember=False)
        simulation.run.started_ms = wall_ms() - after_s * 1000
        known = [each.responses for each in PERSONAS]
        came = [simulation._persona() for _ in range(20)]
        return {"before" if each.responses in known else "after" for each in came}

    assert responses(100.0, turn_s=0.0) == {"before"}
    assert responses(100.0, turn_s=180.0) == {"before"}
    assert "after" in responses(200.0, turn_s=180.0)
