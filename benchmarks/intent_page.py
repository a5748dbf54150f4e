"""The page of proof `intent`: its tables and lines, out of what its steps found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.proof import Result

MODELS = ("network", "trees", "twin")
PICTURE = "intent.svg"
SUMMARIES = ("auroc", "auprc", "log_loss", "brier", "ece")


def table(results: Mapping[str, Result], seeds: Sequence[int], flips: int) -> list[str]:
    """Every part of the page; a sign counts where its weight is `flips` millionths or more."""
    compared = results["compare"]
    parts = (
        _by(compared["after"], "events", compared["completeness"]),
        _by(compared["at_s"], "s from landing", {}),
        _ranks(compared["after"]),
        _summaries(compared),
        [f"![said against came true]({PICTURE})"],
        _concepts(compared["concepts"]),
        [_bottleneck_line(compared)],
        _corrections(compared["interventions"]),
        _sizes(results),
        [_lead_line(compared["lead"])],
        _signs(results["signs"], seeds, flips),
        _anchors(results["anchors"]),
        [_training_line(results["training"])],
        ["Took: " + ", ".join(f"{name} {each['took_s']} s" for name, each in results.items())],
    )
    return [line for part in parts for line in ("", *part)][1:]


def _by(found: Mapping[str, Any], unit: str, left: Mapping[str, float]) -> Iterator[str]:
    yield "| AUROC after | n | network | trees | twin | completeness |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for k, each in found.items():
        shown = " | ".join(_shown(each[name]) for name in MODELS)
        yield f"| {k} {unit} | {each['n']:,} | {shown} | {left.get(k, '-')} |"


def _ranks(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| after | figure | network | trees | twin |"
    yield "| --- | --- | --- | --- | --- |"
    for k, each in found.items():
        for figure in ("auprc", "log_loss"):
            shown = " | ".join(_shown(each[figure][name]) for name in MODELS)
            yield f"| {k} events | {figure} | {shown} |"


def _summaries(compared: Result) -> Iterator[str]:
    yield "| all events | network | trees | twin |"
    yield "| --- | --- | --- | --- |"
    for name in SUMMARIES:
        yield f"| {name} | " + " | ".join(_shown(compared[name][each]) for each in MODELS) + " |"


def _concepts(found: Mapping[str, Any]) -> Iterator[str]:
    yield "| concept | label occurs | AUROC | ECE |"
    yield "| --- | --- | --- | --- |"
    for name, each in found.items():
        yield f"| {name} | {each['base_rate']:.1%} | {_shown(each)} | {each['ece']} |"
    mean = sum(each["value"] for each in found.values()) / len(found)
    yield f"| mean | | {mean:.4f} | |"


def _bottleneck_line(compared: Result) -> str:
    leak = compared["leakage"]
    return (
        f"Completeness over all events: {compared['completeness']['all']}. Leakage: trees on the "
        f"predicted concepts reach {leak['predicted']}, the head {leak['head']}, trees on what was "
        f"true of the concepts {leak['true']}."
    )


def _corrections(found: Sequence[Any]) -> Iterator[str]:
    yield "| corrections | the last of them, by fold | AUROC |"
    yield "| --- | --- | --- |"
    for number, (names, value) in enumerate(found):
        yield f"| {number} | {', '.join(names) or '-'} | {value} |"


def _sizes(results: Mapping[str, Result]) -> Iterator[str]:
    yield "| sessions | after 3 | 5 | 8 | 12 events | all events |"
    yield "| --- | --- | --- | --- | --- | --- |"
    steps = {name.removeprefix("size-"): each for name, each in results.items() if "size-" in name}
    for size, found in {**steps, "all": results["compare"]}.items():
        shown = [_shown(each["network"]) for each in (*found["after"].values(), found["auroc"])]
        yield f"| {size if size == 'all' else format(int(size), ',')} | " + " | ".join(shown) + " |"


def _training_line(found: Result) -> str:
    same = "the same" if found["same_bytes"] else "OTHER"
    return (
        f"`kairos model train` on {found['sessions']:,} sessions: "
        f"{found['fold_s']} s to fold their events, {found['train_s']} s to train. Killed after "
        f"{found['killed_after_epochs']} epochs it went on and "
        f"took {found['resumed_s']} s more, with {same} bytes."
    )


def _anchors(found: Result) -> Iterator[str]:
    yield "| anchor | n | base rate | AUROC | AUPRC | Brier |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, each in found.items():
        if isinstance(each, Mapping):
            shown = " | ".join(_shown(each[key]) for key in ("auroc", "auprc", "brier"))
            yield f"| {name} | {each['n']:,} | {each['base_rate']:.1%} | {shown} |"


def _lead_line(lead: Mapping[str, Any]) -> str:
    """How early churn_risk tells an exit without purchase."""
    return (
        f"Lead time: churn_risk crosses {lead['threshold']:.3f} before the last event in "
        f"{lead['exits_crossed']['value']:.1%} of {lead['exits']:,} exits without purchase "
        f"(interval {lead['exits_crossed']['ci']}), at the same event number in "
        f"{lead['stays_crossed']['value']:.1%} of {lead['stays']:,} matched visits that go on for "
        f"five events or more (interval {lead['stays_crossed']['ci']}). From the crossing to the "
        f"last event of an exit: median {lead['seconds']['value']} s, interval "
        f"{lead['seconds']['ci']}."
    )


def _signs(result: Result, seeds: Sequence[int], flips: int) -> list[str]:
    at = result["names"]
    rows = ["| purchase_intent | " + " | ".join(f"seed {each}" for each in seeds) + " |",
            "| --- |" + " --- |" * len(seeds)]  # fmt: skip
    for number, name in enumerate(at):
        shown = [result["weights"][str(seed)]["purchase_intent"][number] for seed in seeds]
        stable = len({each > 0 for each in shown if abs(each) > flips}) <= 1
        rows.append(f"| {name}{'' if stable else ' (unstable)'} | "
                    + " | ".join(f"{each / 1e6:+.2f}" for each in shown) + " |")  # fmt: skip
    return rows


def _shown(each: Mapping[str, Any]) -> str:
    if each["ci"] is None:
        return "-"
    return f"{each['value']:.4f} ({each['ci'][0]:.3f}-{each['ci'][1]:.3f})"
