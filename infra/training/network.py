"""The recurrent network up to the concepts, trained jointly with linear heads on them, in JAX.

1. Inputs are standardised and clipped to [-4, 4]; an input that never varied is switched off.
2. A gated recurrent unit steps once an event (Cho et al., arXiv:1406.1078), then a hidden layer of
   ReLU and one sigmoid a concept (Koh et al., arXiv:2007.04612). Every time step is a row.
3. Heads see 2c - 1 only, so that every intent is explained by the concepts alone: the risks as one
   softmax against going on, all others as a sigmoid each.
4. Loss = intents (the risks weigh most) + a share of the concepts' BCE.
infra/training/fit.py trains it.

JAX, since its wheel for the CPU is a tenth of what other frameworks bring along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from infra.training.data import Data, Floats
from infra.training.labels import CONCEPTS, INTENTS, KIND_OF
from schemas.model import RISK

CLIP = 4.0
LENGTHS = (8, 12, 16, 24, 48, 96, 192, 384)
"""Sessions are padded to one of these many events; what is longer is cut off."""

_RISKS = [at for at, name in enumerate(INTENTS) if KIND_OF.get(name) == RISK]
_ALONE = [at for at in range(len(INTENTS)) if at not in _RISKS]
_HARD = {"deliberation": 3.0}
"""A label that is hard to foresee costs little to miss: it would be given up to carry whatever the
heads still want, and no longer mean what its name says."""

_WEIGHTS = [_HARD.get(name, 1.0) for name in CONCEPTS]
_HEAD_SCALE = 4.0
"""Heads learn weights of several units from small ones: this lets them arrive in time."""

Weights = dict[str, Any]
Batch = tuple[Floats, Floats, Floats, Floats]
"""Inputs [b, t, f], concepts [b, t, k], intents [b, t, m], and 1 for each row that counts."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How large, how long and how fast to train."""

    hidden: int = 32
    layer: int = 64
    epochs: int = 14
    steps_min: int = 400
    patience: int = 4
    batch: int = 256
    rate: float = 3e-3
    decay: float = 1e-2
    average: float = 0.99
    concept_share: float = 2.0
    risk_share: float = 4.0
    bottleneck: bool = True
    """Without it heads read the layer itself: the twin that says what the bottleneck costs."""


@dataclass(slots=True)
class Network:
    """Scaling of the inputs and the weights by name."""

    mean: Floats
    scale: Floats
    weights: Weights

    def standardised(self, inputs: Floats) -> Floats:
        """Inputs as the first layer sees them."""
        return np.clip((inputs - self.mean) * self.scale, -CLIP, CLIP)

    def concepts(self, data: Data, settings: Settings) -> Floats:
        """Concepts in [0, 1] of every row, each session stepped from its start."""
        out = np.zeros((len(data.visit), data.concepts.shape[1]), np.float32)
        self._fill(out, data, settings, jax.jit(_concepts))
        return out

    def risk(self, data: Data, settings: Settings, name: str) -> Floats:
        """A risk of every row in [0, 1], as training computes it."""
        out = np.zeros((len(data.visit), len(INTENTS)), np.float32)

        def odds(w: Weights, x: Any) -> Any:
            logits = _head_logits(w, *_forward(w, x), settings)
            total = jnp.logaddexp(0, jax.nn.logsumexp(logits[..., jnp.array(_RISKS)], axis=-1))
            return jnp.exp(logits - total[..., None])

        self._fill(out, data, settings, jax.jit(odds))
        return out[:, list(INTENTS).index(name)]

    def _fill(self, out: Floats, data: Data, settings: Settings, forward: Any) -> None:
        for rows, batch in batches(self, data, settings.batch, None):
            said = np.asarray(forward(self.weights, batch[0]))
            for at, each in enumerate(rows):
                out[each] = said[at, : len(each)]


def fresh(data: Data, settings: Settings, rng: np.random.Generator) -> Network:
    """An untrained network scaled to these inputs; frequencies set the concepts' biases."""
    spread = data.inputs.std(axis=0)
    scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0).astype(np.float32)
    h, layer, k = settings.hidden, settings.layer, data.concepts.shape[1]

    def drawn(size_in: int, size_out: int) -> Floats:
        bound = 1 / np.sqrt(h)
        return rng.uniform(-bound, bound, (size_in, size_out)).astype(np.float32)

    base = np.clip(data.concepts.mean(axis=0), 0.01, 0.99)
    weights = {
        "w_in": drawn(data.inputs.shape[1], 3 * h),
        "b_in": np.zeros(3 * h, np.float32),
        "w_hidden": drawn(h, 3 * h),
        "b_hidden": np.zeros(3 * h, np.float32),
        "w_layer": drawn(h, layer),
        "b_layer": np.zeros(layer, np.float32),
        "w_concepts": drawn(layer, k),
        "b_concepts": np.log(base / (1 - base)).astype(np.float32),
        "w_heads": drawn(k if settings.bottleneck else layer, len(INTENTS)),
        "b_heads": np.zeros(len(INTENTS), np.float32),
    }
    return Network(data.inputs.mean(axis=0).astype(np.float32), scale, weights)


def _forward(w: Weights, x: Any) -> tuple[Any, Any]:
    """Logits of the concepts, and the layer before them."""
    size = w["w_hidden"].shape[0]
    given = (x @ w["w_in"] + w["b_in"]).swapaxes(0, 1)

    def step(h: Any, u: Any) -> tuple[Any, Any]:
        v = h @ w["w_hidden"] + w["b_hidden"]
        reset = jax.nn.sigmoid(u[:, :size] + v[:, :size])
        keep = jax.nn.sigmoid(u[:, size : 2 * size] + v[:, size : 2 * size])
        new = jnp.tanh(u[:, 2 * size :] + reset * v[:, 2 * size :])
        h = (1 - keep) * new + keep * h
        return h, h

    _, hidden = jax.lax.scan(step, jnp.zeros((x.shape[0], size)), given)
    layer = jax.nn.relu(hidden.swapaxes(0, 1) @ w["w_layer"] + w["b_layer"])
    return layer @ w["w_concepts"] + w["b_concepts"], layer


def _concepts(w: Weights, x: Any) -> Any:
    return jax.nn.sigmoid(_forward(w, x)[0])


def _head_logits(w: Weights, said: Any, layer: Any, settings: Settings) -> Any:
    if not settings.bottleneck:
        return layer @ w["w_heads"] + w["b_heads"]
    return (2 * jax.nn.sigmoid(said) - 1) @ (w["w_heads"] * _HEAD_SCALE) + w["b_heads"]


def _bce(logits: Any, truth: Any) -> Any:
    return jnp.logaddexp(0, logits) - truth * logits


def losses(w: Weights, batch: Batch, settings: Settings) -> tuple[Any, Any]:
    """Mean joint loss of a batch, and how many rows counted."""
    x, concepts, intents, counts = batch
    rows = counts.sum()
    said, layer = _forward(w, x)
    heads = _head_logits(w, said, layer, settings)
    risks = heads[..., jnp.array(_RISKS)]
    total = jnp.logaddexp(0, jax.nn.logsumexp(risks, axis=-1))
    risk = total - (risks * intents[..., jnp.array(_RISKS)]).sum(axis=-1)
    alone = jnp.array(_ALONE)
    others = _bce(heads[..., alone], intents[..., alone]).mean(axis=-1)
    concept = (_bce(said, concepts) * jnp.array(_WEIGHTS)).sum(axis=-1)
    each = settings.risk_share * risk + others + settings.concept_share * concept
    return (each * counts).sum() / rows, rows


def batches(
    network: Network, data: Data, size: int, rng: np.random.Generator | None
) -> Iterator[tuple[list[NDArray[np.int64]], Batch]]:
    """(rows of each session, padded batch); drawn anew by `rng`, else in order."""
    starts = np.flatnonzero(data.begins)
    lengths = np.diff([*starts, len(data.begins)])
    x = network.standardised(data.inputs)
    places: list[tuple[int, NDArray[np.int64]]] = []
    below = 0
    for length in LENGTHS:
        bound = length if length != LENGTHS[-1] else np.inf
        chosen = np.flatnonzero((lengths > below) & (lengths <= bound))
        below = length
        if rng is not None:
            chosen = rng.permutation(chosen)
        places += [(length, chosen[at : at + size]) for at in range(0, len(chosen), size)]
    order = rng.permutation(len(places)) if rng is not None else range(len(places))
    for at in order:
        length, chosen = places[at]
        rows = [np.arange(starts[v], starts[v] + min(lengths[v], length)) for v in chosen]
        yield rows, _padded(x, data, rows, size, length)


def _padded(x: Floats, data: Data, rows: list[Any], size: int, length: int) -> Batch:
    index = np.zeros((size, length), np.int64)
    counts = np.zeros((size, length), np.float32)
    for at, each in enumerate(rows):
        index[at, : len(each)] = each
        counts[at, : len(each)] = 1
    return x[index], data.concepts[index], data.intents[index], counts
