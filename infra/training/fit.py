"""Fits a network: Adam, an average of the weights, early stopping; interrupted, it goes on.

1. Steps of Adam with a falling rate (Loshchilov, Hutter, arXiv:1711.05101). What is measured and
   kept is a running average of the weights (Polyak, Juditsky, 1992), since single steps jump about.
2. After every epoch the validation loss; the weights with the best are kept, and training ends when
   none was better for a while. A small log has few steps in an epoch and gets more epochs.
3. With `keep`, all of that is written down after every epoch, so that the same call goes on where
   it was interrupted and ends with the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from infra.training.data import Data
from infra.training.network import Batch, Network, Settings, Weights, batches, fresh, losses

Tell = Callable[[int, int], None]
_SOON = 10
"""The average forgets the untrained weights within a multiple of so many steps."""


@dataclass(slots=True)
class Fit:
    """Where training stands: weights, their average, the best of it, Adam's state."""

    weights: Weights
    mean: Weights
    best: Weights
    adam: Any
    epoch: int = 0
    steps: int = 0
    best_loss: float = float("inf")
    since: int = 0

    def save(self, file: Path, rng: np.random.Generator) -> None:
        """Write it down, in one step."""
        leaves = jax.tree.leaves((self.weights, self.mean, self.best, self.adam))
        told = [self.epoch, self.steps, self.best_loss, self.since, rng.bit_generator.state]
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part.npz")
        held = {f"leaf_{at}": np.asarray(leaf) for at, leaf in enumerate(leaves)}
        np.savez(unfinished, told=np.array(json.dumps(told)), **held)
        unfinished.replace(file)

    def load(self, file: Path, rng: np.random.Generator) -> None:
        """Stand where it was written down."""
        with np.load(file) as held:
            form = jax.tree.structure((self.weights, self.mean, self.best, self.adam))
            leaves = [held[f"leaf_{at}"] for at in range(form.num_leaves)]
            told = json.loads(str(held["told"]))
        self.weights, self.mean, self.best, self.adam = jax.tree.unflatten(form, leaves)
        self.epoch, self.steps, self.best_loss, self.since, rng.bit_generator.state = told


def train(
    data: Data,
    validation: Data,
    settings: Settings,
    seed: int,
    tell: Tell = lambda done, total: None,
    keep: Path | None = None,
) -> Network:
    """Train on `data`, keep the weights that are best on `validation`; seeded, so repeatable.

    `tell` hears how many of at most how many steps are done; `keep` is the file to go on from.
    """
    rng = np.random.default_rng(seed)
    network = fresh(data, settings, rng)
    a_epoch = sum(1 for _ in batches(network, data, settings.batch, None))
    epochs = max(settings.epochs, ceil(settings.steps_min / a_epoch))
    adam = optax.adamw(
        optax.cosine_decay_schedule(settings.rate, a_epoch * epochs, 0.02),
        weight_decay=settings.decay,
    )
    weights = network.weights
    fit = Fit(weights, weights, weights, adam.init(weights))
    if keep is not None and keep.is_file():
        fit.load(keep, rng)
    step, measure = _compiled(adam, settings)
    patience = settings.patience * epochs / settings.epochs
    while fit.epoch < epochs and fit.since < patience:
        for _, batch in batches(network, data, settings.batch, rng):
            fit.steps += 1
            share = max(1 - settings.average, _SOON / (_SOON + fit.steps))
            fit.weights, fit.mean, fit.adam = step(fit.weights, fit.mean, fit.adam, batch, share)
            tell(fit.steps, a_epoch * epochs)
        found = [
            measure(fit.mean, b) for _, b in batches(network, validation, settings.batch, None)
        ]
        loss = float(sum(each * rows for each, rows in found) / sum(rows for _, rows in found))
        fit.epoch, fit.since = fit.epoch + 1, fit.since + 1
        if loss < fit.best_loss:
            fit.best, fit.best_loss, fit.since = fit.mean, loss, 0
        if keep is not None:
            fit.save(keep, rng)
    network.weights = {name: np.asarray(each) for name, each in fit.best.items()}
    return network


def _compiled(adam: Any, settings: Settings) -> tuple[Any, Any]:
    def step(
        w: Weights, mean: Weights, state: Any, batch: Batch, share: float
    ) -> tuple[Weights, Weights, Any]:
        slope = jax.grad(lambda w: losses(w, batch, settings)[0])(w)
        moves, state = adam.update(slope, state, w)
        w = optax.apply_updates(w, moves)
        return w, optax.incremental_update(w, mean, share), state

    return jax.jit(step), jax.jit(lambda w, batch: losses(w, batch, settings))
