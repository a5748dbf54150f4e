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
from benchmarks.proof import Proof, Result, Step, folder, piece
from benchmarks.vowpal import VowpalWabbit
from benchmarks.worlds import (
    ACTIONS,
    DISCOUNT,
    DISCOUNTED,
    FALSE_PROMOTION,
    NOTHING,
    RHYTHM,
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
    "window ends, so that its stream is unbiased. In a shop with a rhythm every chance swings by "
    "half around its mean within a day of 20,000 decisions, and nobody's taste changes. The seeds "
    "were not used for tuning; intervals are of Student's t over them. That doing nothing is to be "
    "chosen half of the time where nothing helps, harmful actions a tenth at most, and that a "
    "rhythm costs a twentieth of the level at most, are bounds of our own."
)
Figures = dict[str, float]


def _step(name: str, run: Callable[[int], Figures], check: Callable[[Result], list[str]]) -> Step:
    """The figures of every seed, by name; each seed's are kept as soon as they are there."""

    def measured(stack: Stack) -> Result:
        every = [_kept(name, run, seed) for seed in SEEDS]
        return {"figures": {name: [each[name] for each in every] for name in every[0]}}

    return Step(name, measured, check)


def _kept(name: str, run: Callable[[int], Figures], seed: int) -> Figures:
    return piece(folder(PROOF), f"{name}-{seed}", lambda: run(seed))


def _played(
    player: Player, world: World, seed: int, delay: int = DELAY
) -> tuple[list[Taken], World]:
    visitors = visits(world, DECISIONS, seed)
    return play(player, [(world, visitors)], delay=delay), world


def _stationary(seed: int) -> Figures:
    log, world = _played(Kairos(seed), STATIONARY, seed)
    random, best, ours = uniform(log, world), oracle(log, world), conversion(log, world)
    tail = log[LAST:]
    shown = list(humans(log))
    weights = [1 / (1 + len(ACTIONS)) / each.propensity for each in shown]
    guess = sum(w * each.ordered for w, each in zip(weights, shown, strict=True)) / len(shown)
    return {
        "conversion": ours,
        "over uniform": ours / random - 1,
        "of the oracle's gain": (ours - random) / (best - random),
        "of the oracle's gain after 10,000": (conversion(tail, world) - uniform(tail, world))
        / (oracle(tail, world) - uniform(tail, world)),
        "IPS of uniform, relative error": guess / random - 1,
        "ESS of IPS": sum(weights) ** 2 / sum(w * w for w in weights) / len(weights),
    }


def _rival(seed: int) -> Figures:
    log, world = _played(VowpalWabbit(seed), STATIONARY, seed, WINDOW)
    random, best, theirs = uniform(log, world), oracle(log, world), conversion(log, world)
    share = (theirs - random) / (best - random)
    ours = _kept("stationary", _stationary, seed)["of the oracle's gain"]
    return {"Vowpal Wabbit, of the oracle's gain": share, "kairos / Vowpal Wabbit": ours / share}


def _rhythm(seed: int) -> Figures:
    """What is chosen, valued at the mean of a day and beside what is chosen without a rhythm."""
    log, world = _played(Kairos(seed), RHYTHM, seed)
    random, best, ours = uniform(log, world), oracle(log, world), conversion(log, world)
    calm = _kept("stationary", _stationary, seed)["conversion"]
    return {
        "of the oracle's gain": (ours - random) / (best - random),
        "level / the same shop without rhythm": ours / calm,
    }


def _drift(seed: int) -> Figures:
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


def _false_promotion(seed: int) -> Figures:
    log, world = _played(Kairos(seed), FALSE_PROMOTION, seed)
    tail = list(humans(log[-LAST:]))
    share = {a: sum(each.action == a for each in tail) / len(tail) for a in (NOTHING, *ACTIONS)}
    harmful = sum(share[a] for a in ACTIONS if _harms(world, a))
    return {"doing nothing": share[NOTHING], "actions that harm": harmful}


def _harms(world: World, action: str) -> bool:
    persona = world.personas[0]
    return world.value(persona, action) < world.value(persona, NOTHING)


def _discount(seed: int) -> Figures:
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
        _step(
            "stationary",
            _stationary,
            _promised(
                ("over uniform", 0.55, ANY),
                ("of the oracle's gain", 0.80, ANY),
                ("IPS of uniform, relative error", -0.05, 0.05),
            ),
        ),
        _step("rival", _rival, _promised(("kairos / Vowpal Wabbit", 0.95, ANY))),
        _step("drift", _drift, _promised(("next 10,000 / before", 0.90, ANY))),
        _step("rhythm", _rhythm, _promised(("level / the same shop without rhythm", 0.95, ANY))),
        _step(
            "false-promotion",
            _false_promotion,
            _promised(("doing nothing", 0.5, ANY), ("actions that harm", 0.0, 0.1)),
        ),
        _step(
            "discount",
            _discount,
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
