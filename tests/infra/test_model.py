"""The shipped intent model: small, intact, better than chance, and it reacts the right way."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from infra.model import FOLDER, BadModel, load
from infra.training.bottleneck import Rows, interventions, order_of
from infra.training.card import features_sha256
from infra.training.labels import CONCEPTS, INTENTS, KIND_OF, SIGNS
from infra.training.measures import auroc
from models.features import FEATURES
from models.intent import calibrated_ppm, logit_micro, scores_ppm, sigmoid_ppm
from schemas.model import SIGMOID
from tests.infra.shipped import (
    BUYING,
    CALM,
    COMPARING,
    LEAVING,
    RAGING,
    card,
    concepts_after,
    fresh,
    model,
    percentile,
)

pytestmark = pytest.mark.long


def test_the_file_is_small_and_intact() -> None:
    graph = (FOLDER / "default.onnx").read_bytes()
    assert len(graph) <= 64 * 1024
    assert sha256(graph).hexdigest() == model().sha256


def test_bytes_that_do_not_belong_to_the_record_are_refused(tmp_path: Any) -> None:
    (tmp_path / "default.json").write_bytes((FOLDER / "default.json").read_bytes())
    (tmp_path / "default.onnx").write_bytes(b"other" + model().onnx)
    with pytest.raises(BadModel, match=r"default\.onnx"):
        load(tmp_path)


def test_the_record_fits_the_code_that_feeds_it() -> None:
    assert model().features == FEATURES
    assert model().concepts == tuple(CONCEPTS)
    assert [head.name for head in model().heads] == list(INTENTS)
    assert card()["features_sha256"] == features_sha256(model().features)


def test_the_card_says_what_the_model_is() -> None:
    assert card()["simulated"] is True and "simulated" in card()["data"]
    assert card()["licence"] == "Apache-2.0"
    assert all(card()[name] for name in ("seed", "visitors", "rows", "period", "limits"))


def test_known_signs_hold_in_every_head() -> None:
    for head in model().heads:
        weights = dict(zip(model().concepts, head.weights_micro, strict=True))
        assert any(head.weights_micro)
        for concept, sign in SIGNS[head.name].items():
            assert weights[concept] * sign >= 0, (head.name, concept)


def test_calibration_is_strictly_monotone() -> None:
    for head in model().heads:
        assert list(head.calibration_x) == sorted(set(head.calibration_x))
        assert list(head.calibration_y) == sorted(head.calibration_y)
        assert head.calibration_x[0] == 0 and head.calibration_x[-1] == 1_000_000


def test_rage_clicks_raise_frustration_above_its_90th_percentile() -> None:
    raging, calm = concepts_after(RAGING), concepts_after(CALM)
    assert raging["frustration"] > percentile("frustration", "p90") > calm["frustration"]


def test_a_straight_way_to_the_cart_raises_checkout_readiness() -> None:
    buying, calm = concepts_after(BUYING), concepts_after(CALM)
    assert buying["checkout_readiness"] > percentile("checkout_readiness", "p90")
    assert buying["checkout_readiness"] > 2 * calm["checkout_readiness"]
    assert buying["frustration"] < percentile("frustration", "p50")


def test_exit_intent_on_the_first_page_raises_drop_off() -> None:
    assert concepts_after(LEAVING)["drop_off"] > percentile("drop_off", "p90")


def test_slow_reading_raises_deliberation_and_no_frustration() -> None:
    """Who has read four products slowly is expected to read the fifth slowly, when it opens."""
    comparing = concepts_after(COMPARING[:-4])
    assert comparing["deliberation"] > percentile("deliberation", "p90")
    assert comparing["frustration"] < percentile("frustration", "p90")


def test_buying_raises_purchase_intent_and_lowers_churn_risk() -> None:
    buying, leaving = _scores(concepts_after(BUYING)), _scores(concepts_after(LEAVING))
    assert buying["purchase_intent"] > 3 * leaving["purchase_intent"]
    assert buying["churn_risk"] < leaving["churn_risk"]


def _scores(concepts: dict[str, int]) -> dict[str, int]:
    ordered = [concepts[name] for name in model().concepts]
    return dict(zip(INTENTS, scores_ppm(model().heads, ordered), strict=True))


@pytest.mark.parametrize("name", [*CONCEPTS, *INTENTS])
def test_fresh_visitors_are_told_apart_well_above_chance(name: str) -> None:
    said, truth = fresh()
    at = [*CONCEPTS, *INTENTS].index(name)
    found = auroc(said[:, at], truth[:, at], np.ones(len(said)))
    assert found > (0.70 if name in ("purchase_intent", "checkout_readiness") else 0.58)


def test_no_output_is_a_constant() -> None:
    said, _ = fresh()
    assert (said.std(axis=0) > 0.02).all()


def test_probabilities_mean_what_they_say_on_fresh_visitors() -> None:
    said, truth = fresh()
    gap = np.abs(said.mean(axis=0) - truth.mean(axis=0))[len(CONCEPTS) :]
    assert (gap < 0.06).all(), dict(zip(INTENTS, gap.round(3), strict=True))


@pytest.mark.promise("M29")
def test_correcting_the_first_concepts_helps_on_fresh_visitors() -> None:
    """Two, in an order chosen on other visitors: a head that never met a correction loses by a
    third (.84 to .80), and the shipped one was fitted before heads met any.
    """
    said, truth = fresh()
    at = len(CONCEPTS)
    concepts = np.rint(said[:, :at] * 1e6).astype(np.int64)
    bought = truth[:, at + list(INTENTS).index("purchase_intent")]
    cut, name = len(said) // 2, "purchase_intent"
    asked, judged = (
        Rows(concepts[part], truth[part, :at], bought[part])
        for part in (slice(cut), slice(cut, None))
    )
    heads = model().heads
    curve = interventions(heads, judged, name, order_of(heads, asked, name))
    reached = [value for _, value in curve[:3]]
    assert reached == sorted(reached) and reached[-1] > reached[0] + 0.02


def test_the_heads_are_of_the_kinds_that_serving_joins() -> None:
    assert {head.name: head.kind for head in model().heads if head.kind != SIGMOID} == KIND_OF


@pytest.mark.promise("M16", "M17")
def test_windows_grow_and_risks_leave_room() -> None:
    """Purchase and exit exclude each other; a longer window is never less likely."""
    rng = np.random.default_rng(3)
    names = list(INTENTS)
    for concepts in rng.integers(0, 1_000_001, (2000, len(CONCEPTS))).tolist():
        found = dict(zip(names, scores_ppm(model().heads, concepts), strict=True))
        assert found["purchase_intent"] + found["churn_risk"] <= 1_000_000
        assert found["conversion_5m"] <= found["conversion_30m"] <= found["conversion_24h"]


@pytest.mark.promise("M29")
def test_interventions_move_logits_strictly_and_scores_never_against() -> None:
    """A concept taken from its 5th to its 95th percentile moves each head as its weight says."""
    at_rest = [percentile(name, "p50") for name in model().concepts]
    for number, name in enumerate(model().concepts):
        low, high = list(at_rest), list(at_rest)
        low[number], high[number] = percentile(name, "p5"), percentile(name, "p95")
        for head in model().heads:
            weight = head.weights_micro[number]
            moved = logit_micro(head, high) - logit_micro(head, low)
            room = (high[number] - low[number]) * abs(weight) > 10**9
            assert (moved > 0) == (weight > 0) or not room, (head.name, name)
            if head.kind == SIGMOID:
                before, after = (
                    calibrated_ppm(head, sigmoid_ppm(logit_micro(head, each)))
                    for each in (low, high)
                )
                assert (after - before) * weight >= 0


@pytest.mark.promise("M27")
def test_batches_of_any_size_give_the_same_concepts() -> None:
    """Bit-equal after quantisation, 1 to 64 rows at once."""
    session = onnxruntime.InferenceSession(model().onnx, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (64, len(FEATURES))).astype(np.float32)
    hidden = np.tanh(rng.normal(0, 1, (64, model().hidden_size))).astype(np.float32)
    whole = _ppm(session.run(["concepts"], {"features": x, "hidden": hidden})[0])
    for size in (1, 2, 3, 7, 16, 33, 63):
        parts = [
            session.run(
                ["concepts"],
                {"features": x[at : at + size], "hidden": hidden[at : at + size]},
            )[0]
            for at in range(0, 64, size)
        ]
        assert (_ppm(np.concatenate(parts)) == whole).all()


def _ppm(concepts: NDArray[np.float32]) -> NDArray[np.float64]:
    rounded: NDArray[np.float64] = np.rint(concepts.astype(np.float64) * 1_000_000)
    return rounded
