"""Bad input to losses: exact error messages."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Array
from jaxnet.functions.losses import LOSSES, Loss, as_loss, entropy, get_loss, smooth_labels
from jaxnet.functions.metrics import (
    METRICS,
    confusion_matrix,
    expected_calibration_error,
    f1,
    precision,
    r_squared,
    recall,
)
from tests.comparison import assert_trees_close
from tests.loss_cases import LOSSES as CASES
from tests.loss_cases import draw_loss

pytestmark = pytest.mark.usefixtures("no_type_checks")

NAN = float("nan")
COLUMN, ROWS = np.full((3, 1), 0.5, np.float32), np.full((3, 2), 0.5, np.float32)

# loss, outputs, targets, error, what it says after the function's name
REFUSED: list[tuple[str, Any, Any, type[Exception], str]] = [
    # the trap: (3, 1) - (3,) would broadcast to (3, 3)
    ("squared_error", ROWS, np.zeros(3), ValueError,
     "expected targets to have shape (3, 2), got (3,). Pass one number per entry; the last axis of "
     "the outputs holds the entries."),
    ("squared_error", COLUMN[:, 0], np.zeros((3, 1)), ValueError,
     "expected targets to have shape (3,), got (3, 1). Pass one number per entry; the last axis of "
     "the outputs holds the entries."),
    ("huber", COLUMN, np.zeros((1, 3)), ValueError,
     "expected targets to have shape (3, 1) or (3,), got (1, 3). Pass one number per entry; the "
     "last axis of the outputs holds the entries."),
    ("log_cosh", COLUMN, np.zeros((3, 1), bool), TypeError,
     "expected targets to be integer or floating-point, got bool. targets.astype(jnp.float32) "
     "converts."),
    ("absolute_error", COLUMN, np.zeros((3, 1), complex), TypeError,
     "expected targets to be integer or floating-point, got complex128. "
     "targets.astype(jnp.float32) converts."),
    ("mean_squared_error", COLUMN, np.array([0, NAN, 1]), ValueError,
     "expected targets to be finite, got nan at index (1,)."),
    ("half_squared_error", COLUMN.astype(int), np.zeros(3), TypeError,
     "expected outputs to be floating-point, got int32. outputs.astype(jnp.float32) converts."),
    ("minkowski_error", np.float32(1), np.zeros(()), ValueError,
     "expected outputs to have an axis of entries, got shape ()."),
    ("hinge", COLUMN, np.array([1, 0, -1]), ValueError,
     "expected targets to be -1 or +1, got 0 at index (1,). For labels in {0, 1} pass "
     "2 * targets - 1."),
    ("squared_hinge", COLUMN, np.array([1, 2, 1], np.uint8), ValueError,
     "expected targets to be -1 or +1, got 2 at index (1,). For labels in {0, 1} pass "
     "2 * targets - 1."),
    ("perceptron", ROWS, np.array([[1, -1], [1, 1], [-1, 0.5]]), ValueError,
     "expected targets to be -1 or +1, got 0.5 at index (2, 1). For labels in {0, 1} pass "
     "2 * targets - 1."),
    ("zero_one", COLUMN, np.array([0, 1, -1]), ValueError,
     "expected targets to be 0 or 1, or else -1 or +1, got 0 at index (0,)."),
    ("zero_one", COLUMN, np.array([0, 1, 2]), ValueError,
     "expected targets to be 0 or 1, or else -1 or +1, got 2 at index (2,)."),
    ("zero_one", ROWS, np.array([0, 1, 2]), ValueError,
     "expected targets of integer labels to be in [0, 2), got 2 at index (2,). Number the classes "
     "from 0."),
    ("binary_cross_entropy", COLUMN, np.array([1, -1, 1]), ValueError,
     "expected targets to be in [0, 1], got -1 at index (1,). For labels in {-1, +1} pass "
     "(targets + 1) / 2."),
    ("sigmoid_binary_cross_entropy", COLUMN, np.array([0.5, 1.5, 1]), ValueError,
     "expected targets to be in [0, 1], got 1.5 at index (1,). For labels in {-1, +1} pass "
     "(targets + 1) / 2."),
    ("binary_cross_entropy", COLUMN * 4, np.array([1, 0, 1]), ValueError,
     "expected outputs to be probabilities in [0, 1], got 2.0 at index (0, 0). Apply a sigmoid or "
     "softmax to logits."),
    ("categorical_cross_entropy", -ROWS, np.array([1, 0, 1]), ValueError,
     "expected outputs to be probabilities in [0, 1], got -0.5 at index (0, 0). Apply a sigmoid "
     "or softmax to logits."),
    ("categorical_cross_entropy", ROWS, np.array([[1, 0], [0, 1], [0.5, 0.4]]), ValueError,
     "expected targets of class probabilities to sum to 1 a row, got 0.9 at index (2,)."),
    ("softmax_cross_entropy", ROWS, np.array([[1, 0], [1.5, -0.5], [0, 1]]), ValueError,
     "expected targets of class probabilities to be 0 or more, got -0.5 at index (1, 1)."),
    ("kl_divergence", ROWS, np.array([[1, 0], [NAN, 1], [0, 1]]), ValueError,
     "expected targets of class probabilities to be 0 or more, got nan at index (1, 0)."),
    ("softmax_kl_divergence", ROWS, np.full((3, 2), 0.6), ValueError,
     "expected targets of class probabilities to sum to 1 a row, got 1.2 at index (0,)."),
    ("softmax_cross_entropy", ROWS.astype(int), np.array([0, 1, 1]), TypeError,
     "expected outputs to be floating-point, got int32. outputs.astype(jnp.float32) converts."),
    # one example: the label has no index
    ("softmax_cross_entropy", ROWS[0], np.array(2), ValueError,
     "expected targets of integer labels to be in [0, 2), got 2. Number the classes from 0."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "outputs", "targets", "error", "message"), REFUSED)
def test_bad_input(
    name: str, outputs: Any, targets: Any, error: type[Exception], message: str
) -> None:
    loss, y = get_loss(name), jnp.asarray(outputs)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        loss.function(y, targets)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        loss.backward(y, targets)
    # what fit does before it starts: only the outputs' shape is known
    if "outputs to be prob" not in message:
        with pytest.raises(error, match=re.escape(message)):
            jax.eval_shape(lambda y: loss.function(y, targets), y)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("huber", {"delta": 0.0}, r"expected delta finite and in \(0, inf\), got 0\.0\."),
        ("minkowski_error", {"exponent": 0.5}, r"expected exponent finite and in \[1, inf\), got"),
        ("zero_one", {"threshold": NAN}, r"expected threshold finite and in \(-inf, inf\), got na"),
        ("softmax_cross_entropy", {"label_smoothing": 1.5}, r"label_smoothing finite and in \[0, "),
    ],
)
def test_options_out_of_range(name: str, options: dict[str, float], message: str) -> None:
    loss, y = get_loss(name, **options), jnp.asarray(ROWS)
    targets = np.array([[0.0, 1.0]] * 3)
    for function in loss:
        with pytest.raises(ValueError, match=message):
            function(y, targets)


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (np.array([0, 1]), {}, "TypeError: expected classes to be an integer, got None of type "
         "NoneType."),
        (np.array([0, 3]), {"classes": 3}, "ValueError: expected targets of integer labels to be "
         "in [0, 3), got 3 at index (1,). Number the classes from 0."),
        (np.eye(3), {"classes": 4}, "ValueError: expected targets to have shape (3, 4), got (3, "
         "3)."),
        (np.array([[0.1, 0.9]]), {}, "ValueError: expected targets of one-hot rows to be 0 or 1, "
         "got 0.1 at index (0, 0)."),
        (np.eye(2) > 0, {}, "TypeError: expected targets to be integer or floating-point, got"),
        (np.eye(2), {"smoothing": 2.0}, "ValueError: expected smoothing finite and in [0, 1], "
         "got 2.0."),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_smoothed(
    targets: np.ndarray, options: dict[str, Any], message: str
) -> None:
    kind, _, text = message.partition(": ")
    error = {"TypeError": TypeError, "ValueError": ValueError}[kind]
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        smooth_labels(targets, **{"smoothing": 0.1, **options})


def test_entropy_of_invalid_probabilities() -> None:
    with pytest.raises(ValueError, match=r"^expected outputs to be probabilities in \[0,"):
        entropy(jnp.array([[2.0, -1.0]]))


def test_targets_without_the_axis_of_their_one_entry(dtype: np.dtype) -> None:
    for case in CASES:
        if case.entries != 1:
            continue
        outputs, targets = draw_loss(case)
        with_axis = case.loss.function(outputs, targets[:, None])
        assert_trees_close(case.loss.function(outputs, targets), with_axis)
        assert with_axis.dtype == dtype


def test_both_ways_to_write_two_classes(dtype: np.dtype) -> None:
    y = jnp.array([[0.3], [-0.3], [0.0]], dtype)
    function = LOSSES["zero_one"]
    for positive, negative in ((1, 0), (1, -1), (1.0, 0.0), (1.0, -1.0)):
        targets = np.array([positive, positive, negative])
        # on the threshold an output is positive, as for activations.step
        assert function(y, jnp.asarray(targets)).tolist() == [0.0, 1.0, 1.0]
        at_score = get_loss("zero_one", threshold=0.3).function
        assert at_score(y, jnp.asarray(targets)).tolist() == [0.0, 1.0, 0.0]


def test_rows_rounded_to_few_bits_are_distributions(dtype: np.dtype) -> None:
    rows = jax.nn.softmax(jnp.arange(12.0, dtype=dtype).reshape(3, 4) % 5).astype(jnp.bfloat16)
    losses = LOSSES["softmax_cross_entropy"](jnp.zeros((3, 4), dtype), rows)
    # bfloat16 has 8 bits: the rows sum to 1 up to 2^-8
    np.testing.assert_allclose(losses, np.log(4), rtol=2**-8)


def test_traced_targets_pass_unchecked(dtype: np.dtype) -> None:
    y = jnp.full((2, 1), 0.5, dtype)
    for name in ("hinge", "binary_cross_entropy", "zero_one", "squared_error"):
        assert jax.jit(LOSSES[name])(y, jnp.array([3, -2])).shape == (2,)


def test_fit_learns_by_a_loss_of_every_family() -> None:
    x = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
    for loss, targets in (
        ("huber", 2 * x[:, 0]),
        ("perceptron", np.sign(x[:, 0]).astype(np.int32)),
        ("sigmoid_binary_cross_entropy", (x[:, 0] > 0).astype(np.int32)),
    ):
        result = jaxnet.training.fit(
            jaxnet.mlp((1, 1)),
            jaxnet.data.Examples(x, targets),
            key=jax.random.key(0),
            loss=loss,
            metrics=(),
            epochs=20,
            batch_size=5,
            optimizer=jaxnet.optim.sgd(0.3),
        )
        history = result.history.train["loss"]
        assert history[-1] < 0.5 * history[0], loss


def test_fit_hears_of_bad_targets_before_it_starts() -> None:
    def run(loss: str, targets: Array | np.ndarray) -> Any:
        return jaxnet.training.fit(
            jaxnet.mlp((1, 1)),
            jaxnet.data.Examples(np.ones((4, 1), np.float32), targets),
            key=jax.random.key(0),
            loss=loss,
            metrics=(),
            epochs=1,
            batch_size=2,
            optimizer=jaxnet.optim.sgd(0.1),
        )

    with pytest.raises(ValueError, match=r"^expected targets to be -1 or \+1, got 0 at"):
        run("hinge", np.array([1, 0, 1, 1]))
    with pytest.raises(ValueError, match=r"^expected .* shape \(4, 1\) or \(4,\), got \(4, 2"):
        run("squared_error", np.zeros((4, 2), np.float32))


FUNCTIONS = (
    LOSSES
    | METRICS
    | {
        "r_squared": r_squared,
        "expected_calibration_error": expected_calibration_error,
        "confusion_matrix": functools.partial(confusion_matrix, classes=2),
    }
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lists_are_no_arrays(name: str) -> None:
    first = "predictions" if name == "confusion_matrix" else "outputs"
    cases: list[Any] = [(([[0.5, 0.5]], ROWS), first), ((ROWS, [0, 1, 1]), "targets")]
    for given, argument in cases:
        message = f"expected {argument} to be an array, got a list. Pass jnp.asarray("
        with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
            FUNCTIONS[name](*given)


@pytest.mark.parametrize("metric", [precision, recall, f1])
def test_a_list_is_no_confusion_matrix(metric: Any) -> None:
    with pytest.raises(TypeError, match="expected confusion to be an array, got a list"):
        metric([[1, 2], [3, 4]])


def test_a_plain_pair_is_a_loss() -> None:
    pair = LOSSES["huber"], get_loss("huber").backward
    assert as_loss(pair) == get_loss("huber")
    assert isinstance(as_loss(pair), Loss)


@pytest.mark.parametrize("loss", [None, 3, (), (LOSSES["huber"],), (LOSSES["huber"], "huber")])
def test_invalid_losses(loss: Any) -> None:
    message = (
        "expected loss to be a name, a function of outputs and targets, or a pair with "
        f"its gradient, got {loss!r}."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        as_loss(loss)
