from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from refinedet_plugin.priors import priors
from sample import loss
from zoo_detection import boxes

CLASSES = 3
CELLS = torch.tensor(
    [[(x + 0.5) / 4, (y + 0.5) / 4, side, side] for side in (0.25, 0.5) for y in range(4) for x in range(4)]
)
"""A small set of priors: 4 x 4 cells with two sizes each."""
Logits = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def scene(seed: int, batch: int = 2, longest: int = 3) -> tuple[Logits, torch.Tensor, torch.Tensor]:
    """Random predictions and objects; the last image of a batch has none."""
    rng = torch.Generator().manual_seed(seed)
    count = len(CELLS)
    logits = tuple(torch.randn(batch, count, size, generator=rng) for size in (4, 2, 4, CLASSES + 1))
    low = torch.rand(batch, longest, 2, generator=rng) * 0.6
    sides = 0.1 + torch.rand(batch, longest, 2, generator=rng) * 0.3
    labels = torch.randint(0, CLASSES, (batch, longest), generator=rng)
    for image in range(batch):
        labels[image, longest - image :] = loss.PADDING
    labels[-1] = loss.PADDING
    return (logits[0], logits[1], logits[2], logits[3]), torch.cat((low, low + sides), dim=-1), labels


def plain_match(anchors: torch.Tensor, truth: torch.Tensor, labels: torch.Tensor) -> tuple[list[int], list[int]]:
    """Target and object of every anchor of one image, one anchor and one object at a time."""
    overlap = boxes.iou(truth.numpy(), boxes.to_xyxy(anchors.numpy()))
    targets, chosen = [0] * len(anchors), [-1] * len(anchors)
    for anchor in range(len(anchors)):
        best = int(overlap[:, anchor].argmax()) if len(truth) else -1
        if best >= 0 and overlap[best, anchor] >= 0.5:
            targets[anchor], chosen[anchor] = int(labels[best]) + 1, best
    for item in range(len(truth)):
        anchor = int(overlap[item].argmax())
        targets[anchor], chosen[anchor] = int(labels[item]) + 1, item
    return targets, chosen


def plain_multibox(
    loc: torch.Tensor,
    conf: torch.Tensor,
    anchors: torch.Tensor,
    truth: torch.Tensor,
    labels: torch.Tensor,
    objectness: torch.Tensor | None,
) -> tuple[float, float]:
    """Both losses of one module, image by image; ``objectness`` is None for the ARM."""
    location = entropy = 0.0
    number = 0
    for image in range(len(loc)):
        real = labels[image] >= 0
        targets, chosen = plain_match(anchors[image], truth[image][real], labels[image][real])
        if objectness is None:
            targets = [min(target, 1) for target in targets]
        positive = [
            i for i, target in enumerate(targets) if target and (objectness is None or objectness[image, i] > 0.01)
        ]
        number += len(positive)
        log_p = conf[image].log_softmax(-1)
        negative = sorted((-log_p[i, 0].item() for i, target in enumerate(targets) if not target), reverse=True)
        for i in positive:
            wanted = boxes.encode(truth[image][real][chosen[i]].numpy(), anchors[image, i].numpy())
            location += functional.smooth_l1_loss(loc[image, i], torch.tensor(wanted), reduction="sum").item()
            entropy -= log_p[i, targets[i]].item()
        entropy += sum(negative[: 3 * len(positive)])
    return location / max(number, 1), entropy / max(number, 1)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_it_agrees_with_a_plain_reading_of_the_paper(seed: int) -> None:
    logits, truth, labels = scene(seed, batch=3)
    found = loss.refinedet_loss(logits, CELLS, truth, labels)
    arm_loc, arm_conf, odm_loc, odm_conf = logits
    fixed = CELLS.expand_as(arm_loc)
    refined = torch.tensor(boxes.to_cxcywh(boxes.decode(arm_loc.numpy(), CELLS.numpy())))
    objectness = arm_conf.softmax(-1)[..., 1]
    arm = plain_multibox(arm_loc, arm_conf, fixed, truth, labels, None)
    odm = plain_multibox(odm_loc, odm_conf, refined, truth, labels, objectness)
    parts = (found.arm_loc, found.arm_conf, found.odm_loc, found.odm_conf)
    assert [part.item() for part in parts] == pytest.approx((*arm, *odm), rel=1e-3, abs=1e-4)
    assert found.total.item() == pytest.approx(sum(arm) + sum(odm), rel=1e-3)


@pytest.mark.parametrize("longest", [0, 1, 4])
def test_without_objects_the_loss_is_zero_and_trains_nothing(longest: int) -> None:
    logits, _, _ = scene(0)
    for output in logits:
        output.requires_grad_()
    nothing = torch.full((2, longest), loss.PADDING)
    found = loss.refinedet_loss(logits, CELLS, torch.zeros(2, longest, 4), nothing).total
    found.backward()  # type: ignore[no-untyped-call] # torch leaves backward unannotated
    assert found.item() == 0
    assert all(output.grad is None or not output.grad.any() for output in logits)


def test_padding_changes_nothing() -> None:
    logits, truth, labels = scene(5)
    longer = torch.cat((truth, torch.rand(2, 4, 4)), dim=1)
    padded = torch.cat((labels, torch.full((2, 4), loss.PADDING)), dim=1)
    found = loss.refinedet_loss(logits, CELLS, longer, padded)
    assert found.total.item() == loss.refinedet_loss(logits, CELLS, truth, labels).total.item()


@pytest.mark.parametrize(
    ("truth", "labels", "expected"),
    [
        pytest.param([(0.0, 0.0, 0.25, 0.25)], [2], {0: 3}, id="one-prior-exactly"),
        pytest.param([(0.01, 0.01, 0.05, 0.05)], [0], {0: 1}, id="too-small-for-0.5-still-gets-one"),
        pytest.param([(0.0, 0.0, 0.25, 0.25)] * 2, [0, 1], {0: 2}, id="the-later-object-wins"),
        pytest.param([(0.0, 0.0, 0.25, 0.25)] * 2, [0, -1], {0: 1}, id="but-padding-does-not"),
        pytest.param([(0.25, 0.0, 0.5, 0.25), (0, 0, 0, 0)], [1, -1], {1: 2}, id="empty-padding-row"),
        pytest.param([(0, 0, 0, 0)], [-1], {}, id="padding-alone"),
    ],
)
def test_match(truth: list[tuple[float, ...]], labels: list[int], expected: dict[int, int]) -> None:
    targets, _ = loss.match(CELLS[None], torch.tensor([truth]).float(), torch.tensor([labels]))
    assert {i: target for i, target in enumerate(targets[0].tolist()) if target} == expected


def test_offsets_lead_from_anchor_to_object() -> None:
    truth = torch.tensor([[[0.1, 0.1, 0.4, 0.3], [0.5, 0.5, 0.95, 0.9]]])
    targets, offsets = loss.match(CELLS[None], truth, torch.tensor([[0, 1]]))
    reached = boxes.decode(offsets[0].numpy(), CELLS.numpy())
    for anchor, target in enumerate(targets[0].tolist()):
        if target:
            np.testing.assert_allclose(reached[anchor], truth[0, target - 1], atol=1e-6)


def test_decode_and_encode_agree_with_the_deployed_ones() -> None:
    anchors = torch.tensor(priors(320)[::50])
    offsets = torch.randn(len(anchors), 4, generator=torch.Generator().manual_seed(0))
    corners = boxes.to_xyxy(loss.decode(offsets, anchors).numpy())
    np.testing.assert_allclose(corners, boxes.decode(offsets.numpy(), anchors.numpy()), atol=1e-6)
    np.testing.assert_allclose(loss.encode(torch.tensor(corners), anchors), offsets, atol=1e-4)


def test_encode_stays_finite_for_degenerate_boxes() -> None:
    empty = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.4, 0.4]])
    anchors = torch.tensor([[0.5, 0.5, 0.0, 0.1], [0.5, 0.5, 0.1, 0.1]])
    assert torch.isfinite(loss.encode(empty, anchors)).all()


def test_anchors_without_objectness_do_not_train_the_odm() -> None:
    (arm_loc, arm_conf, odm_loc, odm_conf), truth, labels = scene(3)
    sure_of_nothing = torch.tensor([10.0, -10.0]).expand_as(arm_conf)
    found = loss.refinedet_loss((arm_loc, sure_of_nothing, odm_loc, odm_conf), CELLS, truth, labels)
    assert found.odm_loc.item() == 0
    assert found.odm_conf.item() == 0
    assert found.arm_conf.item() > 1


def test_refined_anchors_are_constants_to_the_odm() -> None:
    logits, truth, labels = scene(4)
    for output in logits:
        output.requires_grad_()
    found = loss.refinedet_loss(logits, CELLS, truth, labels)
    (found.odm_loc + found.odm_conf).backward()  # type: ignore[no-untyped-call] # torch leaves it unannotated
    assert logits[0].grad is None
    assert logits[1].grad is None
    assert logits[2].grad is not None
    assert logits[3].grad is not None


def test_predictions_that_are_right_cost_nothing() -> None:
    _, truth, labels = scene(6, batch=1)
    labels = labels.clamp_min(1)
    arm_targets, arm_loc = loss.match(CELLS[None], truth, labels)
    arm_loc = arm_loc.where(arm_targets[..., None] > 0, torch.tensor(0.0))
    arm_conf = functional.one_hot(arm_targets.clamp_max(1), 2) * 40.0
    anchors = loss.decode(arm_loc, CELLS[None])
    odm_targets, odm_loc = loss.match(anchors, truth, labels)
    # What the ARM takes for background is below the objectness threshold, so it is no positive here.
    odm_conf = functional.one_hot(odm_targets, CLASSES + 1) * 40.0
    found = loss.refinedet_loss((arm_loc, arm_conf, odm_loc, odm_conf), CELLS, truth, labels)
    assert found.total.item() == pytest.approx(0.0, abs=1e-5)
