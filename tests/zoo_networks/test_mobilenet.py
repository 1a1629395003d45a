"""The network's shapes, at sizes and widths that it is used with."""

from __future__ import annotations

import pytest
import torch

from zoo_networks.mobilenet import mobilenet_v2, rounded


@pytest.mark.parametrize(
    ("channels", "expected"), [(1, 8), (8, 8), (11.9, 16), (12, 16), (8.8, 8), (24, 24), (33, 32), (36.1, 40)]
)
def test_channels_are_multiples_of_eight(channels: float, expected: int) -> None:
    assert rounded(channels) == expected
    assert rounded(channels) >= 0.9 * channels


def test_the_published_one_has_as_many_weights_as_torchvisions() -> None:
    network = mobilenet_v2()
    assert sum(each.numel() for each in network.parameters()) == 3_504_872


def test_any_size_of_image() -> None:
    network = mobilenet_v2(5, 0.25).eval()
    for size in (32, 48, 65):
        assert network(torch.zeros(1, 3, size, size)).shape == (1, 5)
