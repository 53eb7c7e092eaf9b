"""The tape: all values of a forward and a backward pass, layer by layer."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.representation import represent, table_html
from jaxnet.core.types import Array, ElementwiseLoss, Key, Layer, Params, Residual, Statistics
from jaxnet.functions.losses import Loss, as_loss
from jaxnet.inspection.check_inputs import check_batch, check_targets
from jaxnet.inspection.propagation.layer_paths import Path, opened, part_of, symbols
from jaxnet.layers.compose import fold_key
from jaxnet.training.loop.objective import default_loss

SHOWN = 16
"""The largest array whose numbers `Tape` prints."""


class TapeEntry(NamedTuple):
    """Values of one layer in the forward and the backward pass.

    Attributes:
        path: index of the layer, after those of the networks around it.
        kind: of the layer, such as ``"dense"`` or ``"relu"``.
        symbols: the lectures' names of its output and of the gradient with respect to it:
            ``("z1", "dz1")`` for the first affine layer, ``("y1", "dy1")`` for what follows it.
        y: its output, shape ``(batch, ...)``.
        dy: gradient of the risk with respect to the output: the incoming message.
        dparams: gradient with respect to its parameters, of their structure.
        dx: gradient with respect to its input: the outgoing message.
    """

    path: str
    kind: str
    symbols: tuple[str, str]
    y: Array
    dy: Array
    dparams: Params
    dx: Array

    __repr__ = represent


class Tape(NamedTuple):
    """A forward and a backward pass.

    Attributes:
        x: the inputs, shape ``(batch, ...)``.
        losses: one loss per example, shape ``(batch,)``.
        entries: one per layer, first layer first.
    """

    x: Array
    losses: Array
    entries: tuple[TapeEntry, ...]

    __repr__ = represent

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def _repr_html_(self) -> str:
        return table_html(_cells(self))


def tape(
    network: Layer,
    params: Params,
    statistics: Statistics,
    x: Array,
    targets: Any,
    *,
    loss: str | ElementwiseLoss | Loss | None = None,
    key: Key | None = None,
    training: bool = False,
) -> Tape:
    """Propagate forward and backward, and keep everything (lecture 001, both algorithms).

    The gradients are those of the risk, the mean of the losses over the batch. ``print`` shows the
    tape as the slides do: forward from the input to the loss, then backward to the input.

    Args:
        network: a layer; `serial` networks are opened up, at any depth.
        params: its parameters.
        statistics: its statistics.
        x: inputs, shape ``(batch, ...)``.
        targets: of the loss.
        loss: a name in `jaxnet.losses.LOSSES`, a loss with its backward rule, or a function; by
            default that of the network's head, softmax cross-entropy without one.
        key: PRNG key for random layers while training.
        training: whether the layers behave as in training.

    Raises:
        TypeError: if parameters or statistics are another network's.
        ValueError: if inputs or targets do not fit the network.

    >>> import jax.numpy as jnp
    >>> from jaxnet.layers import Dense, activation, dense, serial
    >>> network = serial(dense(1), activation("relu"))
    >>> params = (Dense(jnp.array([[2.0]]), jnp.array([1.0])), ())
    >>> print(
    ...     tape(
    ...         network,
    ...         params,
    ...         ((), ()),
    ...         jnp.array([[3.0]]),
    ...         jnp.array([[5.0]]),
    ...         loss="half_squared_error",
    ...     )
    ... )
    forward
      x             = 3
      z1    0 dense = 7
      y1    1 relu  = 7
      loss          = 2
    backward
      dy1   1 relu  = 2
      dz1   0 dense = 2    dweights = 6    dbias = 2
      dx            = 4
    """
    check_batch(network, params, statistics, x, key=key, training=training)
    pair = as_loss(default_loss(network) if loss is None else loss)
    check_targets(network, pair, x, targets)
    records = list(forward_passes(network, params, statistics, x, key=key, training=training))
    names = symbols([record.layer for record in records])
    outputs = records[-1].y if records else x
    dy = pair.backward(outputs, targets) / len(x)
    entries: list[TapeEntry] = []
    for record, symbol in zip(reversed(records), reversed(names), strict=True):
        dparams, dx = record.layer.backward(record.params, record.residual, dy)
        path = ".".join(map(str, record.path or (0,)))
        pair_of = (symbol, f"d{symbol}")
        entries.append(TapeEntry(path, _kind(record.layer), pair_of, record.y, dy, dparams, dx))
        dy = dx
    return Tape(x, pair.function(outputs, targets), tuple(reversed(entries)))


def features(
    network: Layer,
    params: Params,
    statistics: Statistics,
    x: Array,
    *,
    key: Key | None = None,
    training: bool = False,
) -> dict[str, Array]:
    """Return every ``z_l`` and ``y_l`` of a forward pass, by its symbol (lecture 001).

    Args:
        network: a layer; `serial` networks are opened up, at any depth.
        params: its parameters.
        statistics: its statistics.
        x: inputs, shape ``(batch, ...)``.
        key: PRNG key for random layers while training.
        training: whether the layers behave as in training.

    Returns:
        Symbol -> output of shape ``(batch, ...)``: ``"z1"`` for the first dense layer, ``"y1"``
        for its activation, and so on; outputs before the first dense layer are ``"y0"``. A
        further layer of the same rank gets a prime: ``"y1'"``.

    Raises:
        TypeError: if parameters or statistics are another network's.
        ValueError: if the inputs do not fit the network.

    >>> import jaxnet
    >>> network = jaxnet.mlp((3, 4, 2))
    >>> params, statistics = network.init(jax.random.key(0), (3,))
    >>> list(features(network, params, statistics, jax.numpy.ones((1, 3))))
    ['z1', 'y1', 'z2']
    """
    check_batch(network, params, statistics, x, key=key, training=training)
    records = list(forward_passes(network, params, statistics, x, key=key, training=training))
    names = symbols([record.layer for record in records])
    return dict(zip(names, (record.y for record in records), strict=True))


class LayerPass(NamedTuple):
    """Values of one layer in the forward pass.

    Attributes:
        path: of the layer.
        layer: the layer.
        params: its parameters.
        y: its output, shape ``(batch, ...)``.
        residual: of its backward pass.
    """

    path: Path
    layer: Layer
    params: Params
    y: Array
    residual: Residual


def forward_passes(
    network: Layer,
    params: Params,
    statistics: Statistics,
    x: Array,
    *,
    key: Key | None,
    training: bool,
) -> Iterator[LayerPass]:
    """Yield the forward pass of each layer; arguments as for `features`."""
    for path, layer in opened(network):
        own = part_of(params, path)
        layer_key = functools.reduce(fold_key, path, key)
        x, residual, _ = layer.forward(
            own, part_of(statistics, path), x, key=layer_key, training=training
        )
        yield LayerPass(path, layer, own, x, residual)


def _kind(layer: Layer) -> str:
    return str(layer.description.settings.get("function", layer.description.kind))


def _cells(tape: Tape) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a tape's table: both passes of a layer in one row, first layer first."""
    yield "", "layer", "output", "gradient", "gradients of its parameters"
    if tape.entries:
        yield "x", "", _text(tape.x), _text(tape.entries[0].dx), ""
    for entry in tape.entries:
        gradients = "\n".join(_gradients(entry.dparams))
        layer = f"{entry.path} {entry.kind}"
        yield entry.symbols[0], layer, _text(entry.y), _text(entry.dy), gradients
    yield "loss", "", _text(tape.losses), "", ""


def _lines(tape: Tape) -> Iterator[str]:
    """Format a tape as in the lectures: forward to the loss, then backward to the input."""
    names = [f"{entry.path} {entry.kind}" for entry in tape.entries]
    width = max(map(len, names), default=0)
    wide = max([len("loss"), *(len(entry.symbols[1]) for entry in tape.entries)])

    def line(symbol: str, name: str, value: Array) -> str:
        return f"  {symbol:<{wide}}  {name:<{width}} = {_text(value)}"

    yield "forward"
    yield line("x", "", tape.x)
    for entry, name in zip(tape.entries, names, strict=True):
        yield line(entry.symbols[0], name, entry.y)
    yield line("loss", "", tape.losses)
    yield "backward"
    for entry, name in zip(reversed(tape.entries), reversed(names), strict=True):
        yield "    ".join([line(entry.symbols[1], name, entry.dy), *_gradients(entry.dparams)])
    if tape.entries:
        yield line("dx", "", tape.entries[0].dx)


def _gradients(dparams: Params) -> Iterator[str]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(dparams):
        yield f"d{jax.tree_util.keystr(path, simple=True, separator='.')} = {_text(leaf)}"


def _text(array: Array) -> str:
    """Format few numbers in full, others by shape and norm."""
    values = np.asarray(array)
    if values.size == 1:
        return f"{values.item():.4g}"
    if values.size > SHOWN:
        return f"array {values.shape} of norm {np.linalg.norm(values):.4g}"
    return np.array2string(
        values[0] if len(values) == 1 else values,
        separator=", ",
        max_line_width=1000,
        formatter={"float_kind": lambda value: f"{value + 0.0:.4g}"},  # not "-0"
    ).replace("\n", "")
