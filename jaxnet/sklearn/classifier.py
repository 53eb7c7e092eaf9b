"""`FeedForwardClassifier`: a network for classes, as a scikit-learn estimator."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from jaxnet.core.checks import check_range, require
from jaxnet.functions.losses import LOSSES
from jaxnet.sklearn.estimator import FeedForward, Rows


@dataclasses.dataclass(eq=False, repr=False)
class FeedForwardClassifier(ClassifierMixin, FeedForward):
    """A multilayer perceptron that classifies, with scikit-learn's interface.

    Names and defaults of the parameters are those of ``sklearn.neural_network.MLPClassifier`` where
    it has them. Numbers (``learning_rate_init``, ``alpha``, a ``drop_rate`` above 0, ``tol``,
    ``n_iter_no_change``, ``random_state`` and ``max_iter`` up to the next power of two) and the
    rows are arguments of the compiled program: a fit that differs in these alone compiles nothing.
    It computes in JAX's default precision, float32 unless ``jax_enable_x64`` is set.

    Args:
        hidden_layer_sizes: units of each hidden layer, such as ``(100, 50)``; ``()`` for none.
        activation: name in `jaxnet.activations.ACTIVATIONS`.
        loss: ``"softmax_cross_entropy"``.
        optimizer: name in `jaxnet.optim.OPTIMIZERS`, which is given ``learning_rate_init``; or an
            ``optax.GradientTransformation``, which has its own and needs cloudpickle to be saved.
        alpha: strength of the L2 penalty, 0 or more: ``alpha / 2`` times the sum of the squared
            weights is added to the mean loss, which MLPClassifier divides by the batch size too.
        batch_size: examples a step; ``"auto"`` is 200, or all if there are fewer.
        learning_rate_init: learning rate, above 0.
        max_iter: the most epochs.
        shuffle: whether to draw a new order every epoch.
        random_state: seed of parameters, order, dropout and validation rows.
        tol: an epoch improves if its loss, or its validation score, is better by more than this.
        verbose: whether to print the loss of each epoch, after the fit.
        warm_start: whether `fit` continues with the parameters, those of the best epoch if early
            stopping kept them, the optimizer's state and the preprocessing of the fit before.
        early_stopping: whether to hold out rows, to stop by the accuracy on them, and to
            keep the parameters of the best epoch; otherwise the training loss ends the run.
        validation_fraction: fraction of the rows to hold out, stratified.
        n_iter_no_change: epochs without improvement that end the run.
        drop_rate: of dropout after each hidden layer, in [0, 1).
        batch_norm: its place in each hidden layer, ``"before"`` or ``"after"`` the activation; None
            for none. With it, another number of rows is another program.
        preprocessing: ``"standardize"``, a `jaxnet.data.preparation.Preparation`, or None. Its
            statistics are those of the rows that are trained with, weighted by ``sample_weight``
            for ``"standardize"``.
        class_weight: label -> weight, 0 or more; ``"balanced"`` for weights inverse to the
            frequencies; None for equal ones.

    Attributes:
        classes_: labels, sorted.
        n_features_in_: features of the inputs.
        feature_names_in_: their names, if the inputs had any.
        n_iter_: epochs run.
        loss_: training loss of the last epoch, the mean while the parameters changed, without the
            penalty.
        loss_curve_: the same of all epochs.
        validation_scores_: accuracy on the rows held out after each epoch; None without any.
        result_: the `jaxnet.training.FitResult` of the last fit.
        network_: the network.
        preprocessing_: the fitted preprocessing.

    >>> inputs, labels = [[0.0], [1.0], [2.0], [3.0]], ["low", "low", "high", "high"]
    >>> model = FeedForwardClassifier((8,), learning_rate_init=0.1, random_state=0)
    >>> model.fit(inputs, labels).predict([[0.5], [2.5]]).tolist()
    ['low', 'high']
    """

    _: dataclasses.KW_ONLY
    loss: str = "softmax_cross_entropy"
    class_weight: Any = None

    _losses: ClassVar[Mapping[str, Any]] = {
        name: LOSSES[name] for name in ("softmax_cross_entropy",)
    }
    _monitor: ClassVar[str] = "accuracy"
    _target_options: ClassVar[Mapping[str, Any]] = {}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "FeedForwardClassifier":
        """Train the network.

        Args:
            X: inputs, shape ``(n, features)``.
            y: labels, shape ``(n,)``, of any type that sorts.
            sample_weight: weight of each row, 0 or more, shape ``(n,)``; None for equal ones. A row
                of weight 2 counts as two; one of weight 0 is left out.

        Raises:
            ValueError: for parameters or data that are not valid.
            DivergenceError: if the loss or the parameters become NaN or infinite.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "FeedForwardClassifier":
        """Train for one epoch; the first call initializes network and preprocessing.

        Args:
            X: inputs, shape ``(n, features)``.
            y: labels, shape ``(n,)``.
            classes: all labels that will come, needed in the first call.
            sample_weight: weight of each row, 0 or more, shape ``(n,)``; None for equal ones.

        Raises:
            ValueError: as `fit`; for a first call without classes, and for labels not among them.
        """
        started = hasattr(self, "classes_")
        require(started or classes is not None, "classes", "in the first call", None)
        good = self.class_weight != "balanced"
        require(good, "class_weight", "to be a dictionary for partial_fit", "'balanced'")
        return self._fit(X, y, sample_weight, classes=classes, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row of ``X``, shape ``(n,)``."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, float64 of shape ``(n, classes)``."""
        return softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of `predict_proba`, which do not underflow."""
        return log_softmax(self._outputs(X), axis=1)

    def _encode(self, y: np.ndarray, classes: Any, resumed: bool) -> np.ndarray:
        check_classification_targets(y)
        found = np.unique(y)
        if classes is None:
            known = self.classes_ if resumed else found
        else:
            known = unique_labels(classes)
            same = not resumed or np.array_equal(known, self.classes_)
            require(same, "classes", "to be those of the first call", known.tolist())
        expected, actual = "to hold at least 2 classes", f"only one class: {known.tolist()}"
        require(len(known) > 1, "y", expected, actual)
        expected = f"to hold classes among {known.tolist()}"
        require(np.isin(found, known).all(), "y", expected, found.tolist())
        self.classes_ = known
        return np.searchsorted(known, y).astype(np.int32)

    def _class_weights(self, y: np.ndarray) -> Any:
        given = self.class_weight
        if given is None:
            return 1.0
        named = isinstance(given, Mapping)
        expected = "to be a dictionary of labels, 'balanced' or None"
        require(named or str(given) == "balanced", "class_weight", expected, repr(given))
        for label, weight in given.items() if named else ():
            check_range(f"class_weight[{label!r}]", weight, low=0)
        weights = compute_sample_weight(given, y)
        require(weights.any(), "class_weight", "not to be 0 for all rows", given)
        return weights

    def _count_outputs(self, rows: Rows) -> int:
        del rows
        return len(self.classes_)

    def _validation_scores(self, validation: Mapping[str, Any]) -> list[float] | None:
        return validation["accuracy"].tolist() if validation else None
