"""The loss a RefineDet is trained with: two multibox losses, the second on refined anchors.

Paper: arXiv:1711.06897, sections 3.2 and 3.3; matching and hard negative mining as in SSD
(arXiv:1512.02325, section 2.2). Boxes are fractions of the image; a batch's objects are padded to one length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

MATCH_IOU: Final = 0.5
NEGATIVES_PER_POSITIVE: Final = 3
OBJECTNESS: Final = 0.01
CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2
SMALLEST_SIDE: Final = 1e-4
"""Fraction of the image; keeps the logarithm of a degenerate box finite."""
PADDING: Final = -1
"""Label of a row that holds no object."""


@dataclass(frozen=True)
class Losses:
    """The four parts of the loss, each a scalar averaged over its positives."""

    arm_loc: Tensor
    arm_conf: Tensor
    odm_loc: Tensor
    odm_conf: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised: the unweighted sum."""
        return self.arm_loc + self.arm_conf + self.odm_loc + self.odm_conf


def refinedet_loss(
    logits: tuple[Tensor, Tensor, Tensor, Tensor], priors: Tensor, boxes: Tensor, labels: Tensor
) -> Losses:
    """Loss of one batch.

    The ARM learns object or not, and offsets from the priors; the ODM learns classes, and offsets from the
    anchors as the ARM refined them, which are constants to it. An anchor whose objectness is at most 0.01 is
    no positive of the ODM, because inference drops it.

    Args:
        logits: arm_loc [B, N, 4], arm_conf [B, N, 2], odm_loc [B, N, 4], odm_conf [B, N, classes + 1].
        priors: float32 [N, 4], centre-size.
        boxes: float32 [B, M, 4], corners of the objects.
        labels: int64 [B, M], 0-based classes; -1 marks padding rows.

    Returns:
        The four parts. A batch without positives has zero loss.
    """
    arm_loc, arm_conf, odm_loc, odm_conf = logits
    with torch.no_grad():
        fixed = priors.expand_as(arm_loc)
        arm_targets, arm_offsets = match(fixed, boxes, labels)
        anchors = decode(arm_loc, fixed)
        odm_targets, odm_offsets = match(anchors, boxes, labels)
        likely = arm_conf.softmax(dim=-1)[..., 1] > OBJECTNESS
    arm = multibox(arm_loc, arm_conf, arm_targets.clamp_max(1), arm_offsets, arm_targets > 0)
    odm = multibox(odm_loc, odm_conf, odm_targets, odm_offsets, (odm_targets > 0) & likely)
    return Losses(*arm, *odm)


def decode(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Apply encoded offsets [..., 4] to centre-size anchors [..., 4]; the result is centre-size."""
    centres = anchors[..., :2] + offsets[..., :2] * CENTRE_VARIANCE * anchors[..., 2:]
    sizes = anchors[..., 2:] * torch.exp(offsets[..., 2:] * SIZE_VARIANCE)
    return torch.cat((centres, sizes), dim=-1)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Offsets [..., 4] that lead from centre-size anchors [..., 4] to boxes [..., 4] given as corners."""
    low, high = boxes[..., :2], boxes[..., 2:]
    sides = anchors[..., 2:].clamp_min(SMALLEST_SIDE)
    centres = ((low + high) / 2 - anchors[..., :2]) / (CENTRE_VARIANCE * sides)
    sizes = torch.log((high - low).clamp_min(SMALLEST_SIDE) / sides) / SIZE_VARIANCE
    return torch.cat((centres, sizes), dim=-1)


def match(anchors: Tensor, boxes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Assign an object or the background to every anchor.

    An anchor takes the object it overlaps most if that IoU is at least 0.5. Every object also takes the
    anchor that overlaps it most, whatever the IoU; if two want the same anchor the later object has it.

    Args:
        anchors: float [B, N, 4], centre-size.
        boxes: float [B, M, 4], corners.
        labels: int64 [B, M], -1 for padding.

    Returns:
        Targets int64 [B, N], 0 for the background and label + 1 otherwise; and offsets float [B, N, 4],
        which mean something only where the target is not 0.
    """
    batch, count = anchors.shape[:2]
    if boxes.shape[1] == 0:
        return torch.zeros((batch, count), dtype=torch.int64), torch.zeros_like(anchors)
    half = anchors[..., 2:] / 2
    corners = torch.cat((anchors[..., :2] - half, anchors[..., :2] + half), dim=-1)
    overlaps = _iou(boxes, corners).masked_fill((labels == PADDING)[..., None], -1.0)
    best_iou, best_object = overlaps.max(dim=1)
    best_anchor = overlaps.max(dim=2).indices
    order = torch.arange(boxes.shape[1]).expand(batch, -1)
    order = order.where(labels != PADDING, torch.tensor(-1))
    forced = torch.full((batch, count), -1).scatter_reduce(1, best_anchor, order, "amax")
    chosen = torch.where(forced >= 0, forced, best_object)
    targets = labels.gather(1, chosen) + 1
    targets = targets.where((best_iou >= MATCH_IOU) | (forced >= 0), torch.tensor(0))
    matched = boxes.gather(1, chosen[..., None].expand(-1, -1, 4))
    return targets, encode(matched, anchors)


def _iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU [B, M, N] of corners [B, M, 4] with corners [B, N, 4]."""
    a, b = first[:, :, None], second[:, None]
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp_min(0.0)
    intersection = shared.prod(dim=-1)
    union = (a[..., 2:] - a[..., :2]).prod(dim=-1) + (b[..., 2:] - b[..., :2]).prod(dim=-1) - intersection
    return intersection / union.clamp_min(SMALLEST_SIDE**2)


def multibox(loc: Tensor, conf: Tensor, targets: Tensor, offsets: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Smooth-L1 and cross entropy of one module, each divided by the number of positives.

    Of the anchors whose target is the background, each image contributes those with the largest cross
    entropy, three for each of its positives.
    """
    number = positive.sum().clamp_min(1)
    location = functional.smooth_l1_loss(loc[positive], offsets[positive], reduction="sum") / number
    entropy = functional.cross_entropy(conf.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
    with torch.no_grad():
        wanted = NEGATIVES_PER_POSITIVE * positive.sum(dim=1, keepdim=True)
        hardness = entropy.masked_fill(targets > 0, -1.0)
        rank = hardness.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        negative = (rank < wanted) & (targets == 0)
    return location, entropy[positive | negative].sum() / number
