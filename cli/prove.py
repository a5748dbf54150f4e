"""Full-size proofs: each runs on a stack of its own and writes docs/proofs/NAME.md.

A proof that was interrupted goes on where it stopped, as long as the commit is the same.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil

import benchmarks
from benchmarks.proof import Proof, page, perform
from cli.output import CommandError, print_result, progress
from cli.stack_errors import told
from infra.local.layout import CHECKOUT

NAME = "prove"
HELP = "run one full-size proof and write its report"
EXAMPLE = "kairos prove replay"


def proofs() -> dict[str, Proof]:
    """Every PROOF in a module benchmarks/proof_*.py."""
    found = {}
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if info.name.startswith("proof_"):
            proof = importlib.import_module(f"benchmarks.{info.name}").PROOF
            found[proof.name] = proof
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The name of the proof."""
    names = "; ".join(f"{name}: {proof.help}" for name, proof in proofs().items())
    parser.add_argument("name", nargs="?", help=names)


def run(args: argparse.Namespace) -> int:
    """Prove; 1 when a number falls short of what was promised."""
    found = proofs()
    if args.name not in found:
        raise CommandError(f"name one of the proofs: {', '.join(found)}")
    proof = found[args.name]
    with told():
        results, problems = perform(proof, progress)
    text = page(proof, results, problems)
    path = CHECKOUT / "docs" / "proofs" / f"{proof.name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for file, picture in proof.pictures(results).items():
        path.with_name(file).write_text(picture, encoding="utf-8")
    value = {"proof": proof.name, "results": results, "problems": problems}
    print_result(value, as_json=args.json, lines=[text, f"written to {path.relative_to(CHECKOUT)}"])
    return 1 if problems else 0
