"""Muon: orthogonalized steps of matrices."""

import functools
import importlib
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp

from experiments.peers.case import Case, Known

_ROUNDED = {
    "torch": Known(
        ("2.13.0",),
        "its Newton-Schulz iteration rounds to bfloat16, whatever the precision of the weights",
        "https://github.com/pytorch/pytorch/pull/160213",
    ),
    "keras": Known(
        ("3.15.1",),
        "``keras.ops.norm`` rounds float64 to float32",
        "https://github.com/keras-team/keras/pull/23225",
    ),
}


def _optax(optax: Any, rate: Any, **options: Any) -> Any:
    """Return optax's Muon for weights ``(out, in)``."""
    axes = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=0)

    def dimension_numbers(params: Any) -> Any:
        return jax.tree.map(lambda leaf: axes if leaf.ndim == 2 else None, params)

    options = {"muon_weight_dimension_numbers": dimension_numbers} | options
    return optax.contrib.muon(rate, **options)


class _Pair:
    """PyTorch's Muon for matrices and AdamW for other leaves, as one optimizer."""

    def __init__(self, torch: Any, params: list[Any], rate: float, exact: bool, **options: Any):
        eps = options.get("eps", 1e-7)
        decay = options.get("adam_weight_decay", 0.01)
        betas = options.get("adam_b1", 0.9), options.get("adam_b2", 0.999)
        matrices = [w for w in params if w.ndim == 2]
        others = [w for w in params if w.ndim != 2]
        names = {
            "beta": "momentum",
            "ns_coeffs": "ns_coefficients",
            "consistent_rms": "adjust_lr_fn",
        }
        known = {names.get(k, k): v for k, v in options.items() if not k.startswith("adam")}
        if "adjust_lr_fn" in known:
            assert known["adjust_lr_fn"] == 0.2, "PyTorch has no other"
            known["adjust_lr_fn"] = "match_rms_adamw"
        self.parts = [
            torch.optim.Muon(matrices, rate, **known),
            torch.optim.AdamW(others, rate, betas=betas, eps=eps, weight_decay=decay),
        ]
        self.param_groups = [group for part in self.parts for group in part.param_groups]
        self.exact = exact
        self.tensor = torch.Tensor

    def step(self) -> None:
        """Take a step; if exact, with a copy where PyTorch rounds to bfloat16."""
        if self.exact:
            with mock.patch.object(self.tensor, "bfloat16", self.tensor.clone):
                self._step()
        else:
            self._step()

    def _step(self) -> None:
        for part in self.parts:
            part.step()


def _keras(keras: Any, rate: float, exact: bool, **options: Any) -> Any:
    """Return Keras's Muon; if exact, with a norm in the precision of the weights."""
    names = {
        "beta": "momentum",
        "eps": "epsilon",
        "adam_b1": "adam_beta_1",
        "adam_b2": "adam_beta_2",
        "consistent_rms": "rms_rate",
    }
    known = {names.get(name, name): value for name, value in options.items()}
    if "ns_coeffs" in known:
        coefficients = known.pop("ns_coeffs")
        known |= dict(zip(("muon_a", "muon_b", "muon_c"), coefficients, strict=True))
    if not exact:
        return keras.optimizers.Muon(rate, **known)
    operations = importlib.import_module("keras.src.ops")

    def norm(x: Any, **options: Any) -> Any:
        return jnp.linalg.norm(operations.convert_to_tensor(x), **options)

    class Exact(keras.optimizers.Muon):
        def apply(self, *args: Any) -> None:
            with mock.patch.object(operations, "norm", norm):
                super().apply(*args)

    return Exact(rate, **known)


def _case(name: str, libraries: str, exact: bool = True, **options: Any) -> Case:
    peers: dict[str, Any] = {
        "optax": functools.partial(_optax, **options),
        "torch": functools.partial(_Pair, exact=exact, **options),
        "keras": functools.partial(_keras, exact=exact, **options),
    }
    chosen = {library: peers[library] for library in libraries.split()}
    known = {} if exact else _ROUNDED
    return Case(name, "muon", options, known=known, **chosen)


_SHARED: dict[str, Any] = {
    "eps": 1e-7,
    "weight_decay": 0.1,
    "adam_weight_decay": 0.05,
    "consistent_rms": 0.2,
}

CASES = [
    _case("muon", "optax torch keras", **_SHARED),
    _case(
        "muon without nesterov, other coefficients",
        "optax torch keras",
        **_SHARED,
        beta=0.8,
        nesterov=False,
        ns_coeffs=(2.0, -1.5, 0.5),
        ns_steps=7,
        adam_b1=0.8,
        adam_b2=0.99,
    ),
    _case("muon, defaults", "optax torch keras"),
    _case("muon, as the libraries round, defaults", "torch keras", exact=False),
    _case(
        "muon, aol", "optax", **_SHARED, preconditioning="aol", adaptive=True, adam_eps_root=1e-4
    ),
]
