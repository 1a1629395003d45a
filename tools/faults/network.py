"""Faults in the network; the exported graph agrees with it, so that nothing but the figure can show them."""

from __future__ import annotations

from typing import Final

from faults.bench import Edit
from faults.records import EITHER, HARMLESS, Fault
from faults.ways import NETWORK, added, exported

AREA: Final = "network"
SOFTMAX: Final = "odm_conf.softmax(dim=-1)"
FORWARD: Final = """
    _forward = RefineDet.forward
    def _changed(self, image):
        arm_loc, arm_conf, odm_loc, odm_conf = _forward(self, image)
        return {}
    RefineDet.forward = _changed
"""


def forward(outputs: str) -> str:
    """Return something else than the four outputs."""
    return FORWARD.format(outputs)


FAULTS: Final = (
    Fault(
        name="normalisation-scale",
        area=AREA,
        what="the learned scales of the L2 normalisation ignored",
        act=exported(Edit(NETWORK, old="return unit * self.weight.view(1, -1, 1, 1)", new="return unit")),
    ),
    Fault(
        name="relu-missing",
        area=AREA,
        what="no ReLU after the extra layers",
        act=exported(Edit(NETWORK, old="x = layer(x).relu()", new="x = layer(x)")),
        expect=EITHER,
    ),
    Fault(
        name="pool-rounds-down",
        area=AREA,
        what="the third pool rounds its size down, which is the same at this input size",
        act=exported(Edit(NETWORK, old='ceil_mode=step == "ceil"', new="ceil_mode=False")),
        expect=HARMLESS,
    ),
    Fault(
        name="average-pool",
        area=AREA,
        what="means instead of maxima pooled",
        act=exported(added(NETWORK, "nn.MaxPool2d = nn.AvgPool2d")),
    ),
    Fault(
        name="dilation",
        area=AREA,
        what="fc6 without its dilation",
        act=exported(Edit(NETWORK, old="padding=3, dilation=3", new="padding=1")),
        expect=EITHER,
    ),
    Fault(
        name="tap",
        area=AREA,
        what="the first source taken one layer too early",
        act=exported(added(NETWORK, "CONV4_3 = 20")),
    ),
    Fault(
        name="no-transfer",
        area=AREA,
        what="coarser maps not added to finer ones",
        act=exported(
            Edit(NETWORK, old="x = x + self.tcb1[index](blocks[-1])", new="x = x + 0 * self.tcb1[index](blocks[-1])")
        ),
        expect=EITHER,
    ),
    Fault(
        name="heads-transposed",
        area=AREA,
        what="predictions laid out column by column",
        act=exported(Edit(NETWORK, old="permute(0, 2, 3, 1)", new="permute(0, 3, 2, 1)")),
    ),
    Fault(
        name="softmax-axis",
        area=AREA,
        what="the softmax over the priors",
        act=exported(Edit(NETWORK, old=SOFTMAX, new="odm_conf.softmax(dim=1)")),
    ),
    Fault(
        name="sigmoid",
        area=AREA,
        what="a sigmoid instead of the softmax",
        act=exported(Edit(NETWORK, old=SOFTMAX, new="odm_conf.sigmoid()")),
        quick=True,
    ),
    Fault(
        name="logits",
        area=AREA,
        what="no softmax",
        act=exported(Edit(NETWORK, old=SOFTMAX, new="odm_conf")),
    ),
    Fault(
        name="temperature",
        area=AREA,
        what="the softmax of half the logits, whose rows sum to 1 all the same",
        act=exported(Edit(NETWORK, old=SOFTMAX, new="(odm_conf / 2).softmax(dim=-1)")),
        expect=EITHER,
    ),
    Fault(
        name="background-last",
        area=AREA,
        what="the background in the last channel",
        act=exported(added(NETWORK, forward("arm_loc, arm_conf, odm_loc, odm_conf.roll(-1, 2)"))),
    ),
    Fault(
        name="stages-exchanged",
        area=AREA,
        what="the two stages' offsets exchanged, which have the same size",
        act=exported(added(NETWORK, forward("odm_loc, arm_conf, arm_loc, odm_conf"))),
    ),
    Fault(
        name="objectness-turned",
        area=AREA,
        what="objectness and background exchanged in the first stage",
        act=exported(added(NETWORK, forward("arm_loc, arm_conf.flip(2), odm_loc, odm_conf"))),
        expect=EITHER,
    ),
    Fault(
        name="first-of-batch",
        area=AREA,
        what="the first image's outputs for the whole batch",
        act=exported(
            added(
                NETWORK,
                forward("tuple(each[:1].expand_as(each) for each in (arm_loc, arm_conf, odm_loc, odm_conf))"),
            )
        ),
    ),
)
