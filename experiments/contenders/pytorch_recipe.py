"""A recipe of time_to_accuracy in PyTorch: tensors in memory, a fused optimizer."""

# pyright: reportMissingImports=false
# peers are optional

import itertools
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from experiments.contenders.pytorch import tensors
from jaxnet.data import Dataset


def train(recipe: Any, rates: Sequence[float], dataset: Dataset, seed: int) -> tuple[float, float]:
    """Train with a learning rate a step; return the seconds, and the accuracy on the test examples.

    Args:
        recipe: hidden, epochs, batch_size, drop_rate and input_drop_rate.
        rates: learning rate of each step.
        dataset: what to learn.
        seed: of the weights and the order.
    """
    torch.manual_seed(seed)
    images, labels = tensors(dataset.train)
    images = images.float() * dataset.input_scale
    network = _network(recipe, dataset)
    optimizer = torch.optim.Adam(network.parameters(), lr=rates[0], fused=True)
    following = iter(rates)
    network.train()
    start = time.perf_counter()
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(labels)).split(recipe.batch_size):
            optimizer.param_groups[0]["lr"] = next(following)
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    network.eval()
    test_images, test_labels = tensors(dataset.test)
    test_images = test_images.float() * dataset.input_scale
    with torch.no_grad():
        hits = network(test_images).argmax(1) == test_labels
    return seconds, hits.float().mean().item()


def _network(recipe: Any, dataset: Dataset) -> torch.nn.Sequential:
    """Return the network, its weights drawn as jaxnet draws them: He's normal, biases 0."""
    widths = (dataset.train.inputs.shape[1], *recipe.hidden, len(dataset.class_names))
    layers: list[torch.nn.Module] = _dropout(recipe.input_drop_rate)
    for place, (fan_in, fan_out) in enumerate(itertools.pairwise(widths), 2):
        linear = torch.nn.Linear(fan_in, fan_out)
        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        torch.nn.init.zeros_(linear.bias)
        last = place == len(widths)
        layers += [linear] if last else [linear, torch.nn.ReLU(), *_dropout(recipe.drop_rate)]
    return torch.nn.Sequential(*layers)


def _dropout(rate: float) -> list[torch.nn.Module]:
    return [torch.nn.Dropout(rate)] if rate else []
