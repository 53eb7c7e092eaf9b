"""The same recipes in PyTorch: tensors in memory, a fused optimizer, the same rates by step."""

# pyright: reportMissingImports=false
# peers are optional

import itertools
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from experiments.time_to_accuracy.recipes import Recipe, schedule
from jaxnet.data import Dataset


def train(recipe: Recipe, dataset: Dataset, seed: int) -> tuple[float, float]:
    """Train as `experiments.time_to_accuracy.recipes.train` does; return seconds and accuracy."""
    torch.manual_seed(seed)
    images, labels = _tensors(dataset, "train")
    network = _network(recipe, dataset)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.rate, fused=True)
    steps = np.arange(recipe.steps(len(labels)))
    rates = iter(np.asarray(schedule(recipe, len(labels))(steps), float).tolist())
    network.train()
    start = time.perf_counter()
    for _ in range(recipe.epochs):
        for batch in torch.randperm(len(labels)).split(recipe.batch_size):
            optimizer.param_groups[0]["lr"] = next(rates)
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    network.eval()
    test_images, test_labels = _tensors(dataset, "test")
    with torch.no_grad():
        hits = network(test_images).argmax(1) == test_labels
    return seconds, hits.float().mean().item()


def _network(recipe: Recipe, dataset: Dataset) -> torch.nn.Sequential:
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


def _tensors(dataset: Dataset, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    examples = getattr(dataset, part)
    pixels = torch.from_numpy(np.asarray(examples.inputs)).float() * dataset.input_scale
    return pixels, torch.from_numpy(np.asarray(examples.targets)).long()
