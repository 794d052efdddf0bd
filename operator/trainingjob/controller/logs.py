"""The log: one line for each record, as text or JSON, with the job that it speaks of."""

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from trainingjob.controller.cache import Key

_MESSAGE_LIMIT: Final = 4000
_current: ContextVar[Key | None] = ContextVar("job", default=None)


@contextlib.contextmanager
def speaking_of(key: Key) -> Iterator[None]:
    """Say that all records made inside speak of this job."""
    token = _current.set(key)
    try:
        yield
    finally:
        _current.reset(token)


def configure_logs(form: str, level: str) -> None:
    """Send the whole process's log to standard error.

    Args:
        form: `text` or `json`.
        level: debug, info, warning or error.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_job)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These speak of every event and request, and would print whole objects.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    for noisy in ("kopf", "asyncio", "aiohttp", "kubernetes"):
        logging.getLogger(noisy).setLevel(max(logging.INFO, logging.getLevelName(level.upper())))
    for chatty in ("kopf.activities", "kopf._core.engines.activities", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _add_job(record: logging.LogRecord) -> bool:
    reference = getattr(record, "k8s_ref", None)
    if isinstance(reference, dict):
        key = (str(reference.get("namespace") or ""), str(reference.get("name") or ""))
    else:
        key = _current.get() or ("", "")
    record.job_namespace, record.job_name = key
    return True


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    moment = datetime.fromtimestamp(record.created, UTC)
    fields: dict[str, Any] = {
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "level": record.levelname.lower(),
        "logger": record.name.removeprefix("trainingjob.controller."),
        "message": record.getMessage()[:_MESSAGE_LIMIT],
    }
    if name := getattr(record, "job_name", ""):
        fields |= {"namespace": getattr(record, "job_namespace", ""), "name": name}
    return fields


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        job = f" {fields['namespace']}/{fields['name']}" if "name" in fields else ""
        message = fields["message"].replace("\n", "\\n")
        line = f"{fields['time']} {fields['level']:7} {fields['logger']}{job}: {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
