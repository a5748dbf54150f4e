"""The network up to the concepts, trained jointly with linear heads on them, in plain numpy.

1. Inputs are standardised and clipped to [-4, 4]; an input that never varied is switched off.
2. Two hidden layers of ReLU, then one sigmoid per concept (Koh et al., arXiv:2007.04612).
3. Heads see 2c - 1 only, so that every intent is explained by the concepts alone.
4. Loss = mean BCE of the intents + half the mean BCE of the concepts; Adam; the weights with the
   best validation loss are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
CLIP = 4.0
_CONCEPT_SHARE = 0.5
_DECAY = 1e-4


@dataclass(frozen=True, slots=True)
class Data:
    """Rows: inputs [n, f], concept labels [n, k], intent labels [n, m], visit numbers [n]."""

    inputs: Floats
    concepts: Floats
    intents: Floats
    visit: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how fast to train."""

    hidden: tuple[int, int] = (40, 24)
    epochs: int = 14
    patience: int = 3
    batch: int = 512
    rate: float = 2e-3


@dataclass(slots=True)
class Network:
    """Weights of all layers; `layers` are (matrix, bias) pairs, the last one are the heads."""

    mean: Floats
    scale: Floats
    layers: list[tuple[Floats, Floats]]

    def standardised(self, inputs: Floats) -> Floats:
        """Inputs as the first layer sees them."""
        return np.clip((inputs - self.mean) * self.scale, -CLIP, CLIP)

    def concepts(self, inputs: Floats) -> Floats:
        """Concepts in [0, 1]."""
        return self._forward(self.standardised(inputs))[3]

    def _forward(self, x: Floats) -> tuple[Floats, ...]:
        (w1, b1), (w2, b2), (w3, b3), (w4, b4) = self.layers
        first = np.maximum(x @ w1 + b1, 0)
        second = np.maximum(first @ w2 + b2, 0)
        concepts = sigmoid(second @ w3 + b3)
        return x, first, second, concepts, sigmoid((2 * concepts - 1) @ w4 + b4)

    def loss(self, data: Data) -> float:
        """Joint loss on these rows."""
        *_, concepts, intents = self._forward(self.standardised(data.inputs))
        return bce(intents, data.intents) + _CONCEPT_SHARE * bce(concepts, data.concepts)

    def gradients(self, x: Floats, concepts: Floats, intents: Floats) -> list[Floats]:
        """Gradient of the joint loss for every matrix and bias, in the order of `layers`."""
        x, first, second, c, y = self._forward(x)
        (_, _), (w2, _), (w3, _), (w4, _) = self.layers
        dy = (y - intents) / y.size
        dc = 2 * (dy @ w4.T) * c * (1 - c) + _CONCEPT_SHARE * (c - concepts) / c.size
        d2 = (dc @ w3.T) * (second > 0)
        d1 = (d2 @ w2.T) * (first > 0)
        out: list[Floats] = []
        for before, delta in ((x, d1), (first, d2), (second, dc), (2 * c - 1, dy)):
            out += [before.T @ delta, delta.sum(axis=0)]
        return out


def sigmoid(x: Floats) -> Floats:
    """Logistic function, safe for large values."""
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def bce(p: Floats, truth: Floats) -> float:
    """Mean binary cross-entropy."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean())


def fresh(data: Data, settings: Settings, rng: np.random.Generator) -> Network:
    """An untrained network scaled to these inputs; frequencies set the last biases."""
    spread = data.inputs.std(axis=0)
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0).astype(np.float32)
    sizes = (
        data.inputs.shape[1], *settings.hidden, data.concepts.shape[1], data.intents.shape[1]
    )  # fmt: skip
    layers = []
    for size_in, size_out in itertools.pairwise(sizes):
        matrix = rng.normal(0, np.sqrt(1.6 / size_in), (size_in, size_out)).astype(np.float32)
        layers.append((matrix, np.zeros(size_out, np.float32)))
    base = np.clip(data.concepts.mean(axis=0), 0.01, 0.99)
    layers[2] = (layers[2][0] * np.float32(0.3), np.log(base / (1 - base)).astype(np.float32))
    return Network(data.inputs.mean(axis=0).astype(np.float32), scale, layers)


def train(
    data: Data,
    validation: Data,
    settings: Settings,
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Network:
    """Train on `data`, keep the weights that are best on `validation`; seeded, so repeatable."""
    rng = np.random.default_rng(seed)
    network = fresh(data, settings, rng)
    x = network.standardised(data.inputs)
    adam = _Adam(network, settings.rate)
    best, best_loss, since = list(network.layers), float("inf"), 0
    for epoch in range(settings.epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - settings.batch + 1, settings.batch):
            rows = order[start : start + settings.batch]
            adam.step(network.gradients(x[rows], data.concepts[rows], data.intents[rows]))
        loss = network.loss(validation)
        tell(f"epoch {epoch + 1}: validation loss {loss:.4f}")
        since += 1
        if loss < best_loss:
            best, best_loss, since = list(network.layers), loss, 0
        if since >= settings.patience:
            break
        adam.rate *= 0.85
    network.layers = best
    return network


class _Adam:
    """Adam with decoupled weight decay on matrices (Kingma, Ba; Loshchilov, Hutter)."""

    def __init__(self, network: Network, rate: float) -> None:
        self.network, self.rate, self.steps = network, rate, 0
        flat = [each for layer in network.layers for each in layer]
        self._mean = [np.zeros_like(each) for each in flat]
        self._square = [np.zeros_like(each) for each in flat]

    def step(self, gradients: list[Floats]) -> None:
        self.steps += 1
        flat = [each for layer in self.network.layers for each in layer]
        fixed = np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        out = []
        for at, (weights, gradient) in enumerate(zip(flat, gradients, strict=True)):
            self._mean[at] = 0.9 * self._mean[at] + 0.1 * gradient
            self._square[at] = 0.999 * self._square[at] + 0.001 * gradient**2
            move = fixed * self._mean[at] / (np.sqrt(self._square[at]) + 1e-8)
            decay = _DECAY * weights if weights.ndim == 2 else 0
            out.append((weights - self.rate * (move + decay)).astype(np.float32))
        self.network.layers = list(zip(out[::2], out[1::2], strict=True))
