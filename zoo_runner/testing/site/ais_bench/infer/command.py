"""The command: infer all files, or time the model without any, on one device or several."""

from __future__ import annotations

import argparse
import copy
import math
import multiprocessing
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aclruntime

from .arguments import parse
from .inputs import PURE, Batch, batches, files_of_folder, read_alone, read_batch, split
from .interface import IS_NEWER, InferSession, MemorySummary
from .log import logger
from .outputs import save_batch
from .summary import Summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; most failures leave as RuntimeError, which exits 1."""
    options = parse(arguments)
    if isinstance(options.device, list):
        return _run_devices(options)
    _run_device(options)
    return 0


def _open(options: argparse.Namespace) -> Any:
    session = InferSession(options.device, options.model, None, options.debug, options.loop)
    if options.dymBatch:
        session.set_dynamic_batchsize(options.dymBatch)
    elif options.dymHW is not None:
        session.set_dynamic_hw(*(int(size) for size in options.dymHW.split(",")))
    elif options.dymDims is not None:
        session.set_dynamic_dims(options.dymDims)
    elif options.dymShape is not None:
        session.set_dynamic_shape(options.dymShape)
    else:  # also where the sizes are read from the files later
        session.set_staticbatch()
    if options.batchsize is None:
        options.batchsize = _batch_size(session, options)
        logger.info("try get model batchsize:%s", options.batchsize)
    if options.outputSize is not None:
        session.set_custom_outsize([int(size) for size in options.outputSize.split(",")])
    return session


def _batch_size(session: Any, options: argparse.Namespace) -> int:
    first = session.get_inputs()[0]
    if options.dymBatch:
        return int(options.dymBatch)
    for text in (options.dymDims or options.dymShape or "").split(";"):
        name, _, sizes = text.rpartition(":")
        if name == first.name:
            return int(sizes.split(",")[0])
    return int(first.shape[0])


def _run_device(options: argparse.Namespace) -> tuple[float, float, float]:
    """Run on one device; return throughput, start and end."""
    session = _open(options)
    inputs = session.get_inputs()
    folder = _folder(options)
    summary = Summary()
    given = None if options.input is None else options.input.split(",")
    work: list[Batch] = (
        [[[PURE] for _ in inputs]] if given is None else batches(given, inputs, alone=_reads_sizes(options))
    )
    _warm_up(session, options, inputs, work[0])
    start = time.time()
    for number, batch in enumerate(work):
        sys.stdout.write(f"\rInference array Processing: {number}/{len(work)}")  # what is logged follows on the line
        feeds = _read(batch, inputs, options)
        _set_sizes(session, options, feeds)
        outputs = session.run(feeds)
        session.convert_tensors_to_host(outputs)
        if folder is not None:
            save_batch(
                outputs,
                batch,
                number=number,
                folder=folder,
                suffix=options.outfmt.lower(),
                axis=options.output_batchsize_axis,
                summary=summary,
            )
    sys.stdout.write(f"\rInference array Processing: 100%|##########| {len(work)}/{len(work)}\n")
    end = time.time()
    throughput = summary.report(
        batch=options.batchsize,
        compute=_compute_times(session),
        to_device=aclruntime.MemorySummary().H2D_time_list,
        to_host=aclruntime.MemorySummary().D2H_time_list,
        arguments=sys.argv,
        show_all=options.display_all_summary,
        folder=folder,
    )
    session.finalize()
    return throughput, start, end


def _compute_times(session: Any) -> list[float]:
    if not IS_NEWER:
        return list(session.sumary().exec_time_list)
    return [end - start for start, end in session.summary().exec_time_list]


def _folder(options: argparse.Namespace) -> Path | None:
    if options.output is None:
        return None
    folder = Path(options.output, options.output_dirname or _now())
    folder.mkdir(parents=True, exist_ok=True)
    logger.info("output path:%s", folder)
    return folder


def _now() -> str:
    return time.strftime("%Y_%m_%d-%H_%M_%S")


def _read(batch: Batch, inputs: Sequence[Any], options: argparse.Namespace) -> list[Any]:
    if _reads_sizes(options):
        return [read_alone(files[0]) for files in batch]
    return [
        read_batch(files, tensor.realsize, options.pure_data_type) for files, tensor in zip(batch, inputs, strict=True)
    ]


def _reads_sizes(options: argparse.Namespace) -> bool:
    return bool(options.auto_set_dymshape_mode or options.auto_set_dymdims_mode)


def _set_sizes(session: Any, options: argparse.Namespace, feeds: Sequence[Any]) -> None:
    """Tell the model the shapes that the files have, where an automatic mode asks for that."""
    if not _reads_sizes(options):
        return
    text = ";".join(
        f"{tensor.name}:{','.join(map(str, feed.shape))}"
        for tensor, feed in zip(session.get_inputs(), feeds, strict=True)
    )
    (session.set_dynamic_shape if options.auto_set_dymshape_mode else session.set_dynamic_dims)(text)


def _warm_up(session: Any, options: argparse.Namespace, inputs: Sequence[Any], batch: Batch) -> None:
    feeds = _read(batch, inputs, options)
    session.set_loop_count(1)
    for _ in range(options.warmup_count):
        _set_sizes(session, options, feeds)
        session.run(feeds, out_array=True)
    session.set_loop_count(options.loop)
    (session.reset_summaryinfo if IS_NEWER else session.reset_sumaryinfo)()
    MemorySummary.reset()
    logger.info("warm up %s done", options.warmup_count)


def _run_devices(options: argparse.Namespace) -> int:
    """Run each device's part of the files in a process of its own.

    A device that raises makes the exit code 1; what the others wrote stays. A process that is killed is never
    missed: like the real tool's, this call then waits for ever.
    """
    devices: list[int] = options.device
    logger.info("multidevice:%s run begin", devices)
    ended: dict[int, tuple[float, float, float]] = {}
    with multiprocessing.get_context("spawn").Pool(len(devices), maxtasksperchild=1) as pool:
        parts = None if options.input is None else _parts(options, len(devices))
        if IS_NEWER and not options.divide_input:
            parts = [options.input] * len(devices)
        for i, device in enumerate(devices):
            own = copy.copy(options)
            own.device = device
            own.input = None if parts is None else parts[i]
            name = f"device{device}_{i}" if IS_NEWER else f"device{device}"
            own.output_dirname = str(Path(options.output_dirname or _now(), name))
            pool.apply_async(
                _run_device,
                (own,),
                callback=partial(ended.__setitem__, i),
                error_callback=_report,
            )
        pool.close()
        pool.join()
    result = 0 if len(ended) == len(devices) else 1
    logger.info("multidevice run end qsize:%s result:%s", 2 * len(ended), result)
    for i, (throughput, start, end) in ended.items():
        sys.stdout.write(f"i:{i} device_{devices[i]} throughput:{throughput} start_time:{start} end_time:{end}\n")
    logger.info("summary throughput:%s", sum(figures[0] for figures in ended.values()))
    return result


def _report(error: BaseException) -> None:
    logger.error("subprocess run failed error_callback:%s", error)


def _parts(options: argparse.Namespace, count: int) -> list[str]:
    """Return each device's files; the model is opened on device 0 to see how many inputs it has."""
    given = options.input.split(",")
    if Path(given[0]).is_file():
        files = given
    elif given[0] and Path(given[0]).is_dir():
        files = [path for folder in given for path in files_of_folder(folder)]
    else:
        logger.error("error %s not file or dir", given[0])
        raise RuntimeError
    first = copy.copy(options)
    first.device = 0
    inputs = _open(first).get_inputs()
    options.batchsize = first.batchsize
    parts: list[list[str]] = [[] for _ in range(count)]
    for column in split(files, math.ceil(len(files) / len(inputs))):
        for j, part in enumerate(split(column, math.ceil(len(column) / count))):
            parts[j].extend(part)
    return [",".join(part) for part in parts]
