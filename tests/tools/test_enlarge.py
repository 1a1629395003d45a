from __future__ import annotations

import numpy as np
import pytest
import torch

from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.network import RefineDet
from refinedet_plugin.priors import priors
from sample.enlarge import enlarged
from zoo_detection import boxes


def network() -> RefineDet:
    torch.manual_seed(3)
    return RefineDet(RefineDetConfig(width=0.125, classes=("a", "b"))).eval()


def decoded(model: RefineDet) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        arm_loc, _, odm_loc, _ = model(torch.ones(1, 3, 320, 320))
    anchors = boxes.decode(arm_loc[0].numpy(), priors(320))
    return anchors, boxes.decode(odm_loc[0].numpy(), boxes.to_cxcywh(anchors))


@pytest.mark.parametrize("k", [0.0, 2.0, 7.5])
def test_anchors_grow_and_boxes_stay(k: float) -> None:
    model = network()
    anchors, found = decoded(model)
    model.load_state_dict(enlarged(model.state_dict(), k))
    larger, same = decoded(model)
    growth = boxes.to_cxcywh(larger)[:, 2:] / boxes.to_cxcywh(anchors)[:, 2:]
    np.testing.assert_allclose(growth, np.exp(0.2 * k), rtol=1e-4)
    np.testing.assert_allclose(same, found, atol=1e-5)


def test_nothing_but_the_location_heads_changes() -> None:
    state = network().state_dict()
    changed = {
        name.partition(".")[0] for name, tensor in enlarged(state).items() if not torch.equal(tensor, state[name])
    }
    assert changed == {"arm_loc", "odm_loc"}


def test_the_weights_given_stay_as_they_were() -> None:
    state = network().state_dict()
    before = {name: tensor.clone() for name, tensor in state.items()}
    enlarged(state)
    assert all(torch.equal(state[name], tensor) for name, tensor in before.items())
