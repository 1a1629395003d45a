from __future__ import annotations

from zoo_detection.coco.classes import COCO_CLASSES


def test_there_are_eighty_in_the_order_of_their_ids() -> None:
    assert (len(COCO_CLASSES), len(set(COCO_CLASSES))) == (80, 80)
    assert (COCO_CLASSES[0], COCO_CLASSES[62], COCO_CLASSES[-1]) == ("person", "tv", "toothbrush")
    assert all(name == name.strip() for name in COCO_CLASSES)
