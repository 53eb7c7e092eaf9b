"""The lecture's run over 100 epochs: records, the rule's stop, and claims that can fail."""

from pathlib import Path

import numpy as np
import pytest

from experiments import headline_100_epochs as headline
from tests.experiments.test_commands import recorded

EPOCHS = 20


def test_the_record_of_the_headline_run(tmp_path: Path) -> None:
    record = recorded("headline_100_epochs", tmp_path, "--smoke", "--epochs", "1")
    assert [claim["holds"] for claim in record["claims"]] == [True]
    curves = record["results"]["curves"]
    assert np.shape(curves["test_loss"]) == (2, 1)
    assert record["results"]["iterations_per_epoch"] == 144
    assert record["results"]["stops"] == [1, 1]


def test_a_run_is_the_same_until_the_rule_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headline, "PATIENCE", 1)
    monkeypatch.setitem(headline.BATCH, "digits", 100)
    dataset = headline.jaxnet.data.load_dataset("digits")
    found = headline.train(dataset, headline.Config(seeds=2, epochs=20))
    stops = found.done[0]
    assert np.all(stops < 20)
    assert np.all(found.done[1] == 20)
    whole = headline.curves_of(found)
    for seed, stop in enumerate(stops):
        stopped = found.history.validation["loss"][0, seed]
        np.testing.assert_array_equal(stopped[:stop], whole["test_loss"][seed, :stop])
        assert whole["test_loss"][seed, stop - 1] >= whole["test_loss"][seed, : stop - 1].min()


def drawn() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Curves of three runs that fall, saturate and overfit, and their stops."""
    noise = 1 + 0.01 * np.arange(3)[:, None]
    epochs = np.arange(EPOCHS)
    curves = {
        "train_loss": noise * 0.5 ** (0.5 * epochs),
        "train_accuracy": 1 - 0.1 * noise * 0.5**epochs,
        "test_loss": noise * (0.2 + 0.8 * 0.5**epochs + 0.002 * epochs),
        "test_accuracy": 1 - noise * (0.02 + 0.1 * 0.5**epochs),
    }
    return curves, np.array([10, 11, 12])


def held(**changes: np.ndarray) -> list[bool]:
    curves, stops = drawn()
    return [claim.holds for claim in headline.judge(curves | changes, stops)]


def test_all_claims_hold_of_curves_that_saturate() -> None:
    curves, stops = drawn()
    assert held() == [True] * 7
    assert headline.rise_claim(curves["test_loss"], stops).holds


def test_curves_that_go_on_as_they_began_are_not_saturated() -> None:
    curves, stops = drawn()
    steady = np.linspace(1, 0.1, EPOCHS) * np.array([[1.0], [1.01], [1.02]])
    assert held(test_loss=steady)[5] is False
    assert not headline.rise_claim(steady, stops).holds
    assert held(test_accuracy=1 - 0.2 * steady)[2] is False
    assert [claim.holds for claim in headline.judge(curves, np.full(3, EPOCHS))][1] is False


def test_other_wrong_curves_fail() -> None:
    curves, _ = drawn()
    flat = np.ones((3, EPOCHS))
    assert held(test_loss=flat)[0] is False
    assert held(test_accuracy=0.96 * flat)[3] is False
    assert held(train_loss=flat)[4] is False
    assert held(train_accuracy=curves["test_accuracy"])[6] is False


def test_other_mini_batches_have_another_number_of_iterations() -> None:
    steps = headline.steps_per_epoch(60_000, batch_size=101)
    assert headline.iterations_claim(600).holds
    assert not headline.iterations_claim(steps).holds
