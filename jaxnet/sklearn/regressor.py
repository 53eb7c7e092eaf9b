"""`FeedForwardRegressor`: a network for values, as a scikit-learn estimator."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d

from jaxnet.core.checks import require
from jaxnet.functions.losses import LOSSES
from jaxnet.sklearn.estimator import FeedForward, Rows


@dataclasses.dataclass(eq=False, repr=False)
class FeedForwardRegressor(MultiOutputMixin, RegressorMixin, FeedForward):
    """A multilayer perceptron for one or several values, with scikit-learn's interface.

    It is as `jaxnet.sklearn.FeedForwardClassifier`, but for what stands here. Targets are learned
    as they are: those far from 0 and 1 train faster in
    ``sklearn.compose.TransformedTargetRegressor(model, transformer=StandardScaler())``.

    Args:
        hidden_layer_sizes: as for the classifier, like all that is not listed.
        loss: ``"squared_error"``, summed over the outputs, without 1/2; or another name in
            `jaxnet.losses.LOSSES` of a loss of values: ``"half_squared_error"``,
            ``"mean_squared_error"``, ``"absolute_error"``, ``"huber"``, ``"log_cosh"``.
        early_stopping: whether to hold out rows, to stop by the loss on them, and to keep
            the parameters of the best epoch.

    Attributes:
        validation_scores_: minus the loss on the rows held out after each epoch; None without any.
        n_iter_: and the others that the classifier has, but for its ``classes_``.

    >>> model = FeedForwardRegressor((8,), learning_rate_init=0.1, random_state=0)
    >>> round(model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[1.0]]).item())
    3
    """

    _losses: ClassVar[Mapping[str, Any]] = {
        name: LOSSES[name]
        for name in (
            "squared_error",
            "half_squared_error",
            "mean_squared_error",
            "absolute_error",
            "huber",
            "log_cosh",
        )
    }
    _monitor: ClassVar[str] = "loss"
    _target_options: ClassVar[Mapping[str, Any]] = {"multi_output": True, "y_numeric": True}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "FeedForwardRegressor":
        """Train the network.

        Args:
            X: inputs, shape ``(n, features)``.
            y: values, shape ``(n,)`` or ``(n, outputs)``.
            sample_weight: weight of each row, 0 or more, shape ``(n,)``; None for equal ones.

        Raises:
            ValueError: for parameters or data that are not valid.
            DivergenceError: if the loss or the parameters become NaN or infinite.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "FeedForwardRegressor":
        """Train for one epoch; the first call initializes the network and the preprocessing.

        Args:
            X: inputs, shape ``(n, features)``.
            y: values, shape ``(n,)`` or ``(n, outputs)``.
            sample_weight: weight of each row, 0 or more, shape ``(n,)``; None for equal ones.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the value of each row, float64 of shape ``(n,)``, or ``(n, outputs)``."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one_column else outputs

    def _encode(self, y: np.ndarray, classes: Any, resumed: bool) -> np.ndarray:
        del classes
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = y.reshape(len(y), -1).astype(np.float64)
        outputs = self._structure.widths[-1] if resumed else targets.shape[1]
        good = targets.shape[1] == outputs
        require(good, "y", f"to hold {outputs} outputs as before", targets.shape[1])
        self._one_column = y.ndim == 1
        return targets

    def _count_outputs(self, rows: Rows) -> int:
        return rows.targets.shape[1]

    def _validation_scores(self, validation: Mapping[str, Any]) -> list[float] | None:
        return (-validation["loss"]).tolist() if validation else None
