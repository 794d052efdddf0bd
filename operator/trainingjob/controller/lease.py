"""Elect the one operator that acts, and never let it act a moment longer than its Lease holds."""

import asyncio
import logging
import math
import socket
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from trainingjob.controller.kube import LEASES, KubeClient, Object
from trainingjob.controller.kube_errors import AlreadyExistsError, ConflictError, KubeError, NotFoundError

_DEADLINE_SHARE: Final = 2 / 3
"""After this share of the lease's time without renewal the holder stops: well before another may begin."""
_RENEW_SHARE: Final = 1 / 6
_TAKEOVER_SHARE: Final = 0.85
"""After this share of a silent holder's time a candidate begins: the holder has stopped, and looking takes time too."""
_LOOK_SHARE: Final = 1 / 20

_PAUSED: Final = "The lease could not be renewed in time: nothing is written until it is."

logger = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """The lease is no longer held; this process must not write any more."""


class Lease:
    """This process's claim to the lease.

    Nobody's clock is compared with anybody else's: a candidate waits until the Lease has not changed for most of its
    time, measured here, and a holder stops well before that.
    """

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        name: str,
        seconds: float,
        identity: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a claim; `acquire` puts it forward.

        Args:
            client: makes the requests.
            namespace: the Lease's namespace.
            name: the Lease's name.
            seconds: how long the Lease holds without renewal.
            identity: what is written as its holder; empty for the host's name and a random part.
            monotonic: the clock.
        """
        self.identity = identity or f"{socket.gethostname()}_{uuid.uuid4().hex[:12]}"
        self._client = client
        self._namespace = namespace
        self._name = name
        self._seconds = seconds
        self._monotonic = monotonic
        self._renewed = float("-inf")
        self._mine: Object = {}
        self._seen: tuple[Any, ...] = ()
        self._seen_at = 0.0

    @property
    def held(self) -> bool:
        """Say whether this process may write now; it turns false by itself when no renewal succeeds."""
        return self.remaining > 0

    @property
    def remaining(self) -> float:
        """Return for how many seconds this process may go on writing without a further renewal."""
        return max(0.0, self._renewed + self._seconds * _DEADLINE_SHARE - self._monotonic())

    async def acquire(self) -> None:
        """Wait until this process holds the lease."""
        holder = ""
        while True:
            try:
                current = await self._try()
            except KubeError as error:
                logger.warning("Cannot read or write the lease %s/%s: %s", self._namespace, self._name, error)
            else:
                if self.held:
                    logger.info("Holding the lease %s/%s as %s.", self._namespace, self._name, self.identity)
                    return
                if current != holder:
                    logger.info("Standing by: %s holds the lease %s/%s.", current, self._namespace, self._name)
                    holder = current
            await asyncio.sleep(self._seconds * _LOOK_SHARE)

    async def keep(self) -> None:
        """Renew for ever; when that fails for too long nothing may be written until it succeeds again.

        Raises:
            LeaseLostError: when another has taken it over, or it was given back in this process's name.
        """
        failing = paused = False
        while True:
            await asyncio.sleep(self._seconds * _RENEW_SHARE)
            try:
                current = await self._try()
            except KubeError as error:
                logger.log(logging.DEBUG if failing else logging.WARNING, "Cannot renew the lease: %s", error)
                failing = True
            else:
                failing = False
                if current != self.identity:
                    self._renewed = float("-inf")
                    raise LeaseLostError(f"The lease is lost, its holder is {current or 'nobody'}.")
            if paused == self.held:
                paused = not self.held
                logger.warning("%s", _PAUSED if paused else "The lease is renewed again, nobody has had it meanwhile.")

    async def release(self) -> None:
        """Give the lease back if it is held, so that another need not wait for its end."""
        if not self.held:
            return
        self._renewed = float("-inf")
        try:
            current = await self._get()
            if _holder(current) == self.identity:
                spec = {**current["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                await self._elect("PUT", {**current, "spec": spec})
                logger.info("The lease is given back.")
        except KubeError as error:
            logger.warning("The lease could not be given back and will run out: %s", error)

    async def _try(self) -> str:
        """Take or renew the lease if that is allowed; return who holds it."""
        begun = self._monotonic()
        if self._mine:
            # The stored version guards the renewal, so there is no need to read it first.
            return await self._put(begun, "PUT", self._mine)
        try:
            current = await self._get()
        except NotFoundError:
            return await self._put(begun, "POST", {})
        holder, once_held = _holder(current), self._renewed > float("-inf")
        if holder == self.identity or (not once_held and (not holder or self._is_stale(current))):
            return await self._put(begun, "PUT", current)
        return holder

    async def _put(self, begun: float, method: str, current: Object) -> str:
        self._mine = {}
        try:
            self._mine = await self._elect(method, self._body(current))
        except NotFoundError:
            if method == "POST":
                raise
            # Somebody has deleted the object; whoever makes it anew holds it.
            return await self._put(begun, "POST", {})
        except (ConflictError, AlreadyExistsError):
            # Somebody else was faster; who it is a look will tell.
            return _holder(await self._get())
        # Counted from before the request: the server's count begins no earlier.
        self._renewed = begun
        return self.identity

    def _is_stale(self, current: Object) -> bool:
        spec = current.get("spec") or {}
        record = (spec.get("holderIdentity"), spec.get("renewTime"), current["metadata"]["resourceVersion"])
        if record != self._seen:
            self._seen, self._seen_at = record, self._monotonic()
        lasts = max(float(spec.get("leaseDurationSeconds") or 0), 1.0)
        return self._monotonic() - self._seen_at >= lasts * _TAKEOVER_SHARE

    def _body(self, current: Object) -> Object:
        spec = dict(current.get("spec") or {})
        transitions = int(spec.get("leaseTransitions") or 0)
        if spec.get("holderIdentity") != self.identity:
            transitions += bool(spec)
            spec["acquireTime"] = _now()
        spec |= {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, math.ceil(self._seconds)),
            "renewTime": _now(),
            "leaseTransitions": transitions,
        }
        metadata = current.get("metadata") or {"name": self._name, "namespace": self._namespace}
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}

    async def _get(self) -> Object:
        return await self._client.get(LEASES, self._namespace, self._name, timeout=self._timeout)

    async def _elect(self, method: str, body: Object) -> Object:
        return await self._client.elect(method, self._namespace, self._name, body, timeout=self._timeout)

    @property
    def _timeout(self) -> float:
        return self._seconds / 4


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
