"""Proof `learning`: what learning brings in simulated shops whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev

from benchmarks.playing import (
    DELAY,
    WINDOW,
    Always,
    Kairos,
    Player,
    Taken,
    conversion,
    humans,
    oracle,
    play,
    uniform,
)
from benchmarks.proof import Proof, Result, Step
from benchmarks.vowpal import VowpalWabbit
from benchmarks.worlds import (
    ACTIONS,
    DISCOUNT,
    DISCOUNTED,
    FALSE_PROMOTION,
    NOTHING,
    STATIONARY,
    World,
    turned,
    visits,
)
from evidence.distributions import t_quantile
from infra.local.stack import Stack

SEEDS = (31, 32, 33, 34)
DECISIONS, LAST = 60_000, 10_000
NOTES = (
    "Everything here is simulated (benchmarks/worlds.py): six actions and doing nothing, six kinds "
    "of visitor, 2 % robots that convert on one action, orders after 1,500 decisions, windows of "
    "5,000, a tenth held out and not counted. Learner, auction, exploration, epochs and policies "
    "are the engine's (benchmarks/playing.py). Conversion is the true probability of what was "
    "done. The oracle knows the kind of visitor, which learning sees through noisy scores; a floor "
    "of 2 % an arm costs at least 12 % of what it gains. Vowpal Wabbit hears each outcome when its "
    "window ends, so that its stream is unbiased. The seeds were not used for tuning; intervals "
    "are of Student's t over them. That doing nothing is to be chosen half of the time where "
    "nothing helps, and harmful actions a tenth at most, are bounds of our own."
)


def _each(run: Callable[[int], dict[str, float]]) -> Callable[[Stack], Result]:
    """The figures of every seed, by name."""

    def measured(stack: Stack) -> Result:
        every = [run(seed) for seed in SEEDS]
        return {"figures": {name: [each[name] for each in every] for name in every[0]}}

    return measured


def _played(
    player: Player, world: World, seed: int, delay: int = DELAY
) -> tuple[list[Taken], World]:
    visitors = visits(world, DECISIONS, seed)
    return play(player, [(world, visitors)], delay=delay), world


def _stationary(seed: int) -> dict[str, float]:
    log, world = _played(Kairos(seed), STATIONARY, seed)
    random, best, ours = uniform(log, world), oracle(log, world), conversion(log, world)
    tail = log[LAST:]
    shown = list(humans(log))
    weights = [1 / (1 + len(ACTIONS)) / each.propensity for each in shown]
    guess = sum(w * each.ordered for w, each in zip(weights, shown, strict=True)) / len(shown)
    return {
        "over uniform": ours / random - 1,
        "of the oracle's gain": (ours - random) / (best - random),
        "of the oracle's gain after 10,000": (conversion(tail, world) - uniform(tail, world))
        / (oracle(tail, world) - uniform(tail, world)),
        "IPS of uniform, relative error": guess / random - 1,
        "ESS of IPS": sum(weights) ** 2 / sum(w * w for w in weights) / len(weights),
    }


def _rival(seed: int) -> dict[str, float]:
    ours, world = _played(Kairos(seed), STATIONARY, seed)
    theirs, _ = _played(VowpalWabbit(seed), STATIONARY, seed, WINDOW)
    gains = [conversion(log, world) - uniform(log, world) for log in (ours, theirs)]
    whole = oracle(ours, world) - uniform(ours, world)
    return {
        "Vowpal Wabbit, of the oracle's gain": gains[1] / whole,
        "kairos / Vowpal Wabbit": gains[0] / gains[1],
    }


def _drift(seed: int) -> dict[str, float]:
    half, then = DECISIONS // 2, turned(STATIONARY)
    parts = [(STATIONARY, visits(STATIONARY, half, seed)), (then, visits(then, half, seed, half))]
    log = play(Kairos(seed), parts)
    before = conversion(log[half - LAST : half], STATIONARY)
    return {
        "before, conversion": before,
        "first 10,000 after / before": conversion(log[half : half + LAST], then) / before,
        "next 10,000 / before": conversion(log[half + LAST : half + 2 * LAST], then) / before,
        "last 10,000 / before": conversion(log[-LAST:], then) / before,
    }


def _false_promotion(seed: int) -> dict[str, float]:
    log, world = _played(Kairos(seed), FALSE_PROMOTION, seed)
    tail = list(humans(log[-LAST:]))
    share = {a: sum(each.action == a for each in tail) / len(tail) for a in (NOTHING, *ACTIONS)}
    harmful = sum(share[a] for a in ACTIONS if _harms(world, a))
    return {"doing nothing": share[NOTHING], "actions that harm": harmful}


def _harms(world: World, action: str) -> bool:
    persona = world.personas[0]
    return world.value(persona, action) < world.value(persona, NOTHING)


def _discount(seed: int) -> dict[str, float]:
    ours, world = _played(Kairos(seed), DISCOUNTED, seed)
    always, _ = _played(Always(DISCOUNT), DISCOUNTED, seed)
    orders = conversion(ours, world) / conversion(always, world)
    return {
        "orders / always discount's": orders,
        "discount spend / always discount's": _spend(ours, world) / _spend(always, world),
        "margin a visitor / always discount's": _margin(ours, world) / _margin(always, world),
    }


def _spend(log: Sequence[Taken], world: World) -> float:
    return sum(
        world.chance(each.visit.persona, each.action) * world.costs_micros.get(each.action, 0)
        for each in humans(log)
    )


def _margin(log: Sequence[Taken], world: World) -> float:
    return sum(world.value(each.visit.persona, each.action) for each in humans(log))


def _promised(*wanted: tuple[str, float, float]) -> Callable[[Result], list[str]]:
    """A check of means over the seeds: figure, least, most."""

    def check(result: Result) -> list[str]:
        wrong = []
        for name, least, most in wanted:
            found = mean(result["figures"][name])
            if not least <= found <= most:
                bound = f"at least {least:g}" if found < least else f"at most {most:g}"
                wrong.append(f"{name}: {found:.3f}, wanted {bound}")
        return wrong

    return check


def _table(results: Mapping[str, Result]) -> list[str]:
    lines = ["| world (simulated) | figure | mean | 95 % | seeds |", "|" + " --- |" * 5]
    for step, result in results.items():
        for name, values in result["figures"].items():
            half = t_quantile(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
            low, high = mean(values) - half, mean(values) + half
            seeds = " ".join(f"{value:.3f}" for value in values)
            lines.append(
                f"| {step} | {name} | {mean(values):.3f} | {low:.3f} to {high:.3f} | {seeds} |"
            )
    took = ", ".join(f"{step} {result['took_s']:.0f} s" for step, result in results.items())
    return [*lines, "", f"Took {took}; {DECISIONS:,} decisions a run."]


ANY = float("inf")
PROOF = Proof(
    name="learning",
    help="what learning brings in simulated shops, against chance, an oracle and Vowpal Wabbit",
    seed=SEEDS[0],
    steps=(
        Step(
            "stationary",
            _each(_stationary),
            _promised(
                ("over uniform", 0.55, ANY),
                ("of the oracle's gain", 0.80, ANY),
                ("IPS of uniform, relative error", -0.05, 0.05),
            ),
        ),
        Step("rival", _each(_rival), _promised(("kairos / Vowpal Wabbit", 0.95, ANY))),
        Step("drift", _each(_drift), _promised(("next 10,000 / before", 0.90, ANY))),
        Step(
            "false-promotion",
            _each(_false_promotion),
            _promised(("doing nothing", 0.5, ANY), ("actions that harm", 0.0, 0.1)),
        ),
        Step(
            "discount",
            _each(_discount),
            _promised(
                ("orders / always discount's", 0.95, ANY),
                ("discount spend / always discount's", 0.0, 0.5),
            ),
        ),
    ),
    notes=NOTES,
    table=_table,
    services=(),
)
