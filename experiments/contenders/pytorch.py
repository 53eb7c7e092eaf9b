"""PyTorch: the lectures' loop over a DataLoader, and faster loops."""

# pyright: reportMissingImports=false
# peers are optional

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from experiments.contenders.workload import Workload
from jaxnet.data import Examples

OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def dataloader(workload: Workload) -> Callable[[], float]:
    """Train as the lectures do: a shuffling DataLoader, ``zero_grad``, ``backward``, ``step``."""
    network = _network(workload)
    optimizer = OPTIMIZERS[workload.optimizer](network.parameters(), lr=workload.learning_rate)
    train, test = (TensorDataset(*tensors(part)) for part in workload.in_memory())
    train_loader = DataLoader(train, batch_size=workload.batch_size, shuffle=True)
    test_loader = DataLoader(test, batch_size=workload.batch_size)

    def epoch() -> float:
        network.train()
        for images, labels in train_loader:
            loss = cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            hits = sum(
                (network(images).argmax(1) == labels).sum().item() for images, labels in test_loader
            )
        return hits / len(test)

    return epoch


def in_memory(workload: Workload) -> Callable[[], float]:
    """Train on tensors in memory, indexed by a random permutation, with a fused optimizer."""
    return _in_memory(
        workload, lambda network, images, labels: cross_entropy(network(images), labels)
    )


def compiled(workload: Workload) -> Callable[[], float]:
    """Train like `in_memory`, with forward pass and loss through ``torch.compile``."""
    loss = torch.compile(lambda network, images, labels: cross_entropy(network(images), labels))
    return _in_memory(workload, loss)


def _in_memory(workload: Workload, loss_of: Callable[..., Any]) -> Callable[[], float]:
    network = _network(workload)
    make = OPTIMIZERS[workload.optimizer]
    optimizer = make(network.parameters(), lr=workload.learning_rate, fused=True)
    (images, labels), (test_images, test_labels) = map(tensors, workload.in_memory())

    def epoch() -> float:
        network.train()
        for batch in torch.randperm(len(labels)).split(workload.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss_of(network, images[batch], labels[batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            return (network(test_images).argmax(1) == test_labels).float().mean().item()

    return epoch


class _Scale(torch.nn.Module):
    def __init__(self, pixel_max: int):
        super().__init__()
        self.pixel_max = pixel_max

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float() / self.pixel_max


def _network(workload: Workload) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = [_Scale(workload.pixel_max)] if workload.in_bytes else []
    for fan_in, fan_out in itertools.pairwise(workload.widths[:-1]):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
        layers += [torch.nn.Dropout(workload.drop_rate)] if workload.drop_rate else []
    return torch.nn.Sequential(*layers, torch.nn.Linear(*workload.widths[-2:]))


def tensors(examples: Examples) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and labels as tensors."""
    inputs, labels = (torch.from_numpy(np.asarray(part)) for part in examples)
    return inputs, labels.long()
