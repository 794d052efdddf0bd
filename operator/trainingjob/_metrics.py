"""Write down the metrics of a training program.

Training images are given a copy of this file: it uses no more than Python 3.6 and its standard library.
"""

import json
import math
import operator
import os
import re
import stat
import time
import warnings
from typing import Optional, Set, SupportsFloat

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,62}")
_LAST_STEP = 2**53
_SURE: Set[str] = set()
"""The files that this process has written to without trouble: they end with a line of its own or of another process."""


def log(name: str, value: SupportsFloat, step: Optional[int] = None) -> None:
    """Append the value of a metric to the file that `TRAININGJOB_METRICS` names, else to `logs/metrics.jsonl`.

    Several processes may do so at the same time. A value that is no finite number stands there as null: it is part of
    the history, and the newest value stays the last one that was a number. A file that cannot be written is a warning,
    because no training is to end for it.

    Args:
        name: 1 to 63 letters, digits and `_ . / -`, the first a letter or `_`.
        value: whatever is a number, such as a tensor of one element.
        step: the step of the training to which the value belongs, from 0.

    Raises:
        TypeError: when the value or the step is no number.
        ValueError: when the name or the step is none that is kept.
    """
    line = {"name": _checked_name(name), "value": _finite(value)}
    if step is not None:
        line["step"] = _checked_step(step)
    line["time"] = round(time.time(), 3)
    path = os.environ.get("TRAININGJOB_METRICS") or os.path.join("logs", "metrics.jsonl")  # noqa: PTH118
    try:
        _append(path, json.dumps(line).encode() + b"\n")
    except OSError as error:
        warnings.warn(f"Metrics are not kept: {error}", RuntimeWarning, stacklevel=2)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of a metric; write it like loss or train/loss: 1 to 63 letters, digits, _, ., / and "
            "-, the first a letter or _"
        )
    return name


def _finite(value: SupportsFloat) -> Optional[float]:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} is no value of a metric; give a number")
    try:
        number = float(value)
    except OverflowError:
        return None
    # JSON has no other numbers.
    return number if math.isfinite(number) else None


def _checked_step(step: int) -> int:
    number = operator.index(step)
    if not 0 <= number <= _LAST_STEP:
        raise ValueError(f"{number} is no step of a training; steps are whole numbers from 0 to 2**53")
    return number


def _append(path: str, line: bytes) -> None:
    folder = os.path.dirname(path)  # noqa: PTH120
    if folder:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    # One write at the end of the file: lines of other processes come before or after it, never into it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        if path not in _SURE and _ends_within_a_line(path, os.fstat(descriptor)):
            line = b"\n" + line
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(f"{path!r} has taken {written} of the {len(line)} bytes of a line")
    except OSError:
        _SURE.discard(path)
        raise
    finally:
        os.close(descriptor)
    _SURE.add(path)


def _ends_within_a_line(path: str, found: os.stat_result) -> bool:
    """Say whether a line could not be written as a whole, by this process or another one."""
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            # Not the last byte by now: others may write meanwhile, and what they have begun does not count.
            file.seek(found.st_size - 1)
            return file.read(1) not in (b"", b"\n")
    except OSError:
        return False
