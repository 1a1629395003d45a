"""Faults in the checkpoint. Most are pinned by their own hash, so that only the figure can show them."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from faults.bench import PLUGIN, Edit
from faults.ran import Ran
from faults.records import EITHER, HARMLESS, REFUSED, Act, Fault
from faults.ways import OWN_EXPORT, setting

if TYPE_CHECKING:
    import torch

    from faults.bench import Bench

AREA: Final = "weights"
PAGE: Final = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
POINTER: Final = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 2477693\n" % (b"3c44" * 16)


def loaded(bench: Bench) -> dict[str, Any]:
    """Read the sample's weights."""
    import torch  # noqa: PLC0415 - two seconds that most faults do not need

    state: dict[str, Any] = torch.load(original(bench), map_location="cpu", weights_only=True)
    return state


def original(bench: Bench) -> Path:
    """Return the sample's checkpoint."""
    return bench.site / PLUGIN / "sample" / "weights.pth"


def written(bench: Bench, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """Write the sample's weights, changed."""
    import torch  # noqa: PLC0415 - as above

    path = bench.folder("weights") / "weights.pth"
    torch.save(change(loaded(bench)), path)
    return path


def pinned(path: Path) -> tuple[str, ...]:
    """Say in the manifest that this checkpoint is the right one."""
    content = path.read_bytes()
    return (
        setting(
            f"weights.url={path.as_uri()}",
            f"weights.sha256={hashlib.sha256(content).hexdigest()}",
            f"weights.size={len(content)}",
        )
        + OWN_EXPORT
    )  # the published graph is of the sample's weights, and refused with others


def unpinned(url: str) -> tuple[str, ...]:
    """Take a checkpoint that the manifest has no hash for."""
    return setting(f"weights.url={url}", "weights.sha256=null", "weights.size=null") + OWN_EXPORT


def checkpoint(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Act:
    """Run with other weights, which the manifest says are the right ones."""
    return lambda bench: bench.run(*pinned(written(bench, change)))


def each(change: Callable[[str, Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Change tensor by tensor."""
    return lambda state: {name: change(name, tensor) for name, tensor in state.items()}


def randomised(_name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Draw values of the same spread."""
    import torch  # noqa: PLC0415 - as above

    spread = float(tensor.float().std()) if tensor.numel() > 1 else 1.0
    return torch.randn(tensor.shape, generator=torch.Generator().manual_seed(7)) * spread


def noisy(share: float) -> Callable[[str, Any], Any]:
    """Add noise to one layer, as a share of its spread."""
    return lambda name, tensor: (
        tensor + share * randomised(name, tensor) if name.startswith("vgg.") and name.endswith("weight") else tensor
    )


def permuted(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Move every foreground class of the second stage by one."""
    if not name.startswith("odm_conf."):
        return tensor
    by_class = tensor.reshape(3, 7, *tensor.shape[1:])
    return by_class[:, [0, 2, 3, 4, 5, 6, 1]].reshape(tensor.shape).clone()


def rounded(levels: int) -> Callable[[str, Any], Any]:
    """Round to so many levels on each side of zero, by the tensor's largest value."""

    def change(_name: str, tensor: torch.Tensor) -> torch.Tensor:
        step = tensor.abs().max().clamp_min(1e-12) / levels
        return (tensor / step).round() * step

    return change


def other_weights(bench: Bench) -> Ran:
    """Give other weights on the command line, where the manifest pins a hash."""
    return bench.run("--weights", written(bench, each(noisy(0.3))), *OWN_EXPORT)


def trusted(bench: Bench) -> Ran:
    """Take random weights on trust."""
    return bench.run(*unpinned(written(bench, each(randomised)).as_uri()))


@contextmanager
def served(content: bytes) -> Iterator[str]:
    """Serve a file, whatever is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/weights.pth"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def not_weights(content: bytes) -> Act:
    """Take what a server says without a hash."""

    def act(bench: Bench) -> Ran:
        with served(content) as url:
            return bench.run(*unpinned(url))

    return act


def mirrors_with_others(bench: Bench) -> Ran:
    """Have all mirrors give a network that was never trained, in the place of what the manifest has the hash of."""
    content = written(bench, each(randomised)).read_bytes()
    with served(content) as one, served(content) as two:
        return bench.run(*setting(f"weights.url=[{one}, {two}]"))


def download_of_another(bench: Bench) -> Ran:
    """Put a network that was never trained into the folder of downloads, by the name of what the manifest means."""
    folder = written(bench, each(randomised)).parent
    return bench.run("--downloads", folder, *setting("weights.url=http://127.0.0.1:9/weights.pth"))


def replaced_while_read(bench: Bench) -> Ran:
    """Exchange the pinned, bad checkpoint for a good one between hashing and loading, and put it back."""
    bad = written(bench, each(randomised))
    aside, good = bad.with_suffix(".bad"), bad.with_suffix(".good")
    shutil.copy(bad, aside)
    shutil.copy(original(bench), good)
    arguments = pinned(bad)
    truth = bench.run(*arguments).figure
    swap = Edit(
        "refinedet_plugin/plugin.py",
        old="        return RefineDet(self.config).eval()",
        new=f"""\
        import os
        import shutil

        if os.path.exists({str(good)!r}):
            shutil.copy({str(good)!r}, {str(bad)!r})
        return RefineDet(self.config).eval()""",
    )
    with bench.edited(swap):
        during = bench.run(*arguments)
        good.unlink()
        shutil.copy(aside, bad)
        after = bench.run(*arguments)
    worse = during if during.code == 0 else after
    return Ran(code=worse.code, report=worse.report, text=worse.text, truth=truth)


FAULTS: Final = (
    Fault(
        name="random",
        area=AREA,
        what="a network that was never trained",
        act=checkpoint(each(randomised)),
    ),
    Fault(
        name="layer-zeroed",
        area=AREA,
        what="one layer all zero",
        act=checkpoint(each(lambda name, tensor: tensor * 0 if name == "vgg.14.weight" else tensor)),
    ),
    Fault(
        name="biases-dropped",
        area=AREA,
        what="all biases zero",
        act=checkpoint(each(lambda name, tensor: tensor * 0 if name.endswith("bias") else tensor)),
    ),
    Fault(
        name="noise",
        area=AREA,
        what="noise of a tenth of the spread on the backbone",
        act=checkpoint(each(noisy(0.1))),
    ),
    Fault(
        name="classes-permuted",
        area=AREA,
        what="every class in the channel of its neighbour",
        act=checkpoint(each(permuted)),
        quick=True,
    ),
    Fault(
        name="eight-bits",
        area=AREA,
        what="weights rounded to 8 bits",
        act=checkpoint(each(rounded(127))),
        expect=EITHER,
    ),
    Fault(
        name="four-bits",
        area=AREA,
        what="weights rounded to 4 bits",
        act=checkpoint(each(rounded(7))),
    ),
    Fault(
        name="half-precision-weights",
        area=AREA,
        what="weights rounded to half precision",
        act=checkpoint(each(lambda _name, tensor: tensor.half().float())),
        expect=HARMLESS,
    ),
    Fault(
        name="other-weights",
        area=AREA,
        what="other weights than the manifest pins, given on the command line",
        act=other_weights,
    ),
    Fault(
        name="trusted",
        area=AREA,
        what="random weights for which the manifest has no hash",
        act=trusted,
    ),
    Fault(
        name="login-page",
        area=AREA,
        what="a page that asks to sign in, in the place of weights without a hash",
        act=not_weights(PAGE),
        expect=REFUSED,
        names=r"(?i)html|sign.in|web page|login",
        quick=True,
    ),
    Fault(
        name="lfs-pointer",
        area=AREA,
        what="a pointer of Git LFS in the place of weights without a hash",
        act=not_weights(POINTER),
        expect=REFUSED,
        names=r"(?i)lfs",
    ),
    Fault(
        name="mirrors-with-others",
        area=AREA,
        what="mirrors that all give other weights than the manifest has the hash of",
        act=mirrors_with_others,
        expect=REFUSED,
        names=r"(?s)expected sha256 .*got +sha256 .*expected sha256 .*got +sha256 ",
    ),
    Fault(
        name="download-of-another",
        area=AREA,
        what="other weights of the right name in the folder of --downloads",
        act=download_of_another,
        expect=REFUSED,
        names=r"(?s)expected sha256 .*got +sha256 .*left as it is",
        quick=True,
    ),
    Fault(
        name="replaced-while-read",
        area=AREA,
        what="the file replaced between hashing and loading, and put back",
        act=replaced_while_read,
    ),
)
