"""One replica's artifact: the folder that is claimed for it, what is in it, and what is not in it yet."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trainingjob.contract.report import Report
from trainingjob.contract.tasks import UploadArtifacts
from trainingjob.sidecar import manifests, reports, state
from trainingjob.sidecar.choosing import Choice, Chooser
from trainingjob.sidecar.claims import claim
from trainingjob.sidecar.log import say
from trainingjob.sidecar.scan import Found, Problem, scan
from trainingjob.sidecar.sender import Outcome, Sender
from trainingjob.sidecar.state import Written
from trainingjob.sidecar.targets import Target, open_target
from trainingjob.sidecar.transfer import Sent

_PASSES: Final = 5
"""How often the folders are looked at after the program's end, until nothing changes any more."""
_FILES_PER_SECOND: Final = 1000
"""How fast manifests may be written while the program runs: one of 100,000 files has 20 MB, and is wanted seldom."""
_FEW_FILES: Final = 1000
"""Files up to which a manifest is small enough to be written at each look."""
_LONGEST_RETRY: Final = 20.0
_CHANGING: Final = "It was written to all the time."


class Artifact:
    """The artifact of one replica in one attempt."""

    def __init__(
        self, task: UploadArtifacts, pod: str, stopping: asyncio.Event, opened: Callable[[str], Target] | None = None
    ) -> None:
        """Go on where an earlier container of this pod has stopped.

        Args:
            task: what is wanted.
            pod: the pod's uid.
            stopping: set when the program has ended, after which `upload_changes` begins nothing more.
            opened: opens a folder of the store; another one than the task's for tests.
        """
        self._task = task
        self._workspace, self._folder = Path(task.workspace), Path(task.state)
        self._state = state.load(self._folder, pod)
        self._sender = Sender(self._workspace, self._state.sent, self._save, stopping)
        retry = min(_LONGEST_RETRY, task.grace_seconds / 6)
        self._opened = opened or (lambda uri: open_target(uri, task.credentials, retry))
        self._chooser = Chooser()
        self._target: Target | None = None
        self._listed: dict[str, Sent] | None = None if self._state.written else {}
        """What the newest manifest names; None when that is not known."""
        self._written_at = -float("inf")
        self._doubtful = True
        self._told: set[Problem] = set()
        self._rest: dict[str, Found] = {}
        """What was there after the program's end."""

    async def upload_changes(self) -> None:
        """Upload what has changed in the streamed folders since the last time, and write a manifest.

        Raises:
            RefusedError: when the store does not allow it.
            UnavailableError: when the store does not answer.
        """
        target = await self._claim()
        if not self._task.stream:
            return
        begun = time.monotonic()
        found = await asyncio.to_thread(scan, self._workspace, self._task.stream, temporary=False)
        self._forget_doubtful(found.files)
        choices = self._chooser.choose(found.files, self._state.sent, begun)
        outcome = await self._sender.send(target, choices, patient=False)
        if outcome.refused:
            # Credentials may expire, and others may stand in the Secret by now.
            self._target = None
        _tell(outcome, begun)
        problems = [*found.problems, *outcome.problems]
        self._tell_problems(problems)
        listed = {path: sent for path, sent in self._state.sent.items() if path in found.files}
        pause = max(0, len(listed) - _FEW_FILES) / _FILES_PER_SECOND
        if listed != self._listed and time.monotonic() - self._written_at >= pause:
            written = await self._write(target, listed, problems, complete=False)
            await manifests.prune(target, written)

    async def upload_rest(self) -> str:
        """Upload everything that is there after the program's end; return why it is not complete, or nothing.

        It tries as long as the store does not answer: whoever calls sets a limit.

        Raises:
            RefusedError: when the store does not allow it.
        """
        # The credentials may have been exchanged since they were read.
        self._target = None
        target = await self._sender.patiently(self._claim)
        problems = await self._settle(target)
        losses = [problem for problem in problems if problem.loses]
        self._tell_problems(problems)
        listed = self._uploaded()
        await self._sender.patiently(lambda: self._write(target, listed, problems, complete=not losses))
        if not losses:
            return ""
        more = f" {len(losses) - 1} more are missing." if len(losses) > 1 else ""
        return f"{losses[0].path} is missing: {losses[0].text}{more}"

    async def write_partial(self) -> None:
        """Write a manifest of what has arrived after the program's end, when the newest one does not name it."""
        listed = self._uploaded()
        if self._target is not None and listed and listed != self._listed:
            await self._write(self._target, listed, [], complete=False)

    def describe_rest(self, seconds: int) -> str:
        """Say what has not been uploaded in time, and what the store's last failure was."""
        missing = len(self._rest) - len(self._uploaded())
        what = f"{missing} of {len(self._rest)} files were" if missing else "The artifact was"
        why = self._sender.unavailable or ("" if self._target else "The store does not answer.")
        return f"{what} not uploaded within {seconds} s. {why}".strip()

    def report(self, problem: str) -> Report:
        """Return what the operator is told."""
        written = self._state.written
        added = self._state.uri.removeprefix(self._task.prefix)
        uri = f"{self._task.uri or self._task.prefix}{added}"
        report = Report(uri=uri, problem=reports.shorten(problem))
        if written is None:
            return report
        update = {"sha256": written.sha256, "files": written.files, "bytes": written.bytes}
        return report.model_copy(update={**update, "complete": written.complete and not problem})

    async def _claim(self) -> Target:
        if self._target is None and self._state.uri:
            self._target = self._opened(self._state.uri)
        elif self._target is None:
            self._target = await claim(self._task.prefix, self._state.pod, self._opened)
            self._state.uri = self._target.uri
            self._save()
        return self._target

    async def _settle(self, target: Target) -> list[Problem]:
        """Upload until nothing has changed from one look at the folders to the next; return what is left out."""
        folders = (*self._task.paths, *self._task.stream)
        problems: dict[str, Problem] = {}
        for _ in range(_PASSES):
            found = await asyncio.to_thread(scan, self._workspace, folders, temporary=True)
            self._rest = found.files
            todo = [one for path, one in found.files.items() if path not in problems and not self._has(one)]
            if not todo:
                return [*found.problems, *problems.values()]
            begun = time.monotonic()
            outcome = await self._sender.send(target, [Choice(one, growing=False) for one in todo], patient=True)
            problems |= {problem.path: problem for problem in outcome.problems}
            _tell(outcome, begun)
        changing = {one.path: Problem(one.path, _CHANGING, loses=True) for one in todo if not self._has(one)}
        return [*found.problems, *(changing | problems).values()]

    def _uploaded(self) -> dict[str, Sent]:
        """Return what of the files that were there after the program's end is in the store as it was then."""
        kept = {path: self._state.sent[path] for path, one in self._rest.items() if self._has(one)}
        return {path: Sent(sent.stamp, sent.digest, growing=False) for path, sent in kept.items()}

    def _forget_doubtful(self, files: Mapping[str, Found]) -> None:
        """Forget after a restart what may have been under way: the store may have the new content already."""
        if not self._doubtful:
            return
        self._doubtful = False
        for path, sent in list(self._state.sent.items()):
            if path in files and files[path].stamp != sent.stamp:
                del self._state.sent[path]

    def _has(self, one: Found) -> bool:
        sent = self._state.sent.get(one.path)
        return sent is not None and sent.stamp == one.stamp

    async def _write(
        self, target: Target, listed: dict[str, Sent], problems: Sequence[Problem], *, complete: bool
    ) -> Written:
        now = datetime.now(UTC)
        written = await manifests.write(target, self._state.written, listed, problems, now, complete=complete)
        self._state.written, self._listed, self._written_at = written, listed, time.monotonic()
        self._save()
        return written

    def _tell_problems(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            # Each look at the folders finds them again.
            if problem not in self._told and len(self._told) < manifests.MOST_PROBLEMS:
                self._told.add(problem)
                say(f"{problem.path}: {problem.text}")

    def _save(self) -> None:
        try:
            state.save(self._folder, self._state)
        except OSError as error:
            # It is of use only after a restart of this container.
            say(f"The state could not be kept: {error.strerror}.")


def _tell(outcome: Outcome, begun: float) -> None:
    if outcome.files:
        say(f"uploaded {outcome.files} files, {outcome.bytes:,} bytes in {time.monotonic() - begun:.1f} s")
    if outcome.unavailable:
        say(f"{outcome.unavailable} Trying again later.")
