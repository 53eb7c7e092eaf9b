"""Contenders of the benchmark: one framework per file, each trained as its users would.

A contender is a function ``workload -> epoch``; ``epoch()`` trains one epoch in a new random order,
evaluates on the test examples and returns the test accuracy. Each runs in its own process
(`experiments.contenders.process`), apart from the threads of other frameworks.
"""

import importlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from experiments.contenders.workload import Workload

Epoch: TypeAlias = Callable[[], float | tuple[float, float]]
"""``() -> test accuracy``, or that and the seconds to count, without compilation in the call."""


class Contender(NamedTuple):
    """Contender of the benchmark.

    Attributes:
        module: file of this folder and function in it, ``"file:function"``.
        requires: packages beyond jaxnet's own, by their names for pip.
        is_a: description.
    """

    module: str
    requires: tuple[str, ...]
    is_a: str

    def load(self) -> Callable[[Workload], Epoch]:
        """Import the contender."""
        file, _, function = self.module.partition(":")
        return getattr(importlib.import_module(f"experiments.contenders.{file}"), function)


CONTENDERS = {
    "jaxnet": Contender("jaxnet_fit:fit", (), "jaxnet.training.fit"),
    "jaxnet_by_hand": Contender("jaxnet_fit:by_hand", (), "jaxnet, backpropagation by hand"),
    "jaxnet_dropout": Contender("jaxnet_fit:dropout", (), "jaxnet, dropout 0.2 and 0.5"),
    "runs_by_fit": Contender(
        "jaxnet_sweep:one_after_another", (), "32 runs, one after the other by fit"
    ),
    "runs_by_sweep": Contender("jaxnet_sweep:sweep", (), "32 runs in one sweep"),
    "pytorch_dataloader": Contender(
        "pytorch:dataloader", ("torch",), "the lectures' PyTorch loop over a DataLoader"
    ),
    "pytorch_in_memory": Contender(
        "pytorch:in_memory", ("torch",), "PyTorch, tensors in memory, fused optimizer"
    ),
    "pytorch_compiled": Contender(
        "pytorch:compiled", ("torch",), "PyTorch, the same with torch.compile"
    ),
    "plain_jax": Contender("plain_jax:scan", (), "plain JAX and optax, an epoch as one scan"),
    "numpy_loop": Contender("numpy_loop:loop", (), "NumPy, backpropagation by hand"),
    "keras": Contender("keras_fit:fit", ("keras",), "Keras on JAX, model.fit"),
    "flax_nnx": Contender("flax_nnx:loop", ("flax",), "flax nnx, a loop of jitted steps"),
    "flax_linen": Contender("flax_linen:loop", ("flax",), "flax linen, a loop of jitted steps"),
    "equinox": Contender("equinox_loop:loop", ("equinox",), "Equinox, a loop of jitted steps"),
    "sklearn": Contender(
        "sklearn_mlp:partial_fit", ("scikit-learn",), "scikit-learn's MLPClassifier"
    ),
    "products": Contender("floor:same_shapes", (), "the matrix products alone, in these shapes"),
    "floor": Contender("floor:matrix_products", (), "the matrix products alone, at full speed"),
}
"""Name -> contender."""
