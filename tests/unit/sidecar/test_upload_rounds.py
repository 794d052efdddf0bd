"""What the artifact holds in each situation, with a store in memory."""

import asyncio
import errno
import json
import os
from pathlib import Path

import pytest

from tests.support.playing_uploads import FOLDER, PREFIX, Run
from tests.support.uploading import newest_manifest, read_artifact
from trainingjob.contract.manifest import Manifest


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def manifest(run: Run) -> Manifest:
    name = newest_manifest(run.objects(), FOLDER)
    assert name is not None
    return read_artifact(run.read, FOLDER, name)[0]


def paths(run: Run) -> list[str]:
    return [file.path for file in manifest(run).files]


async def write(run: Run, **files: bytes) -> None:
    for name, content in files.items():
        await run.do("write", f"logs/{name}", content)


async def rounds(run: Run, number: int = 2) -> None:
    for _ in range(number):
        await run.do("round", None, None)


async def test_file_whose_answer_was_lost_is_in_no_manifest_until_it_is_sent_again(run: Run) -> None:
    await write(run, a=b"1", b=b"1")
    await rounds(run)
    await write(run, a=b"2", b=b"2")
    await rounds(run, 1)
    run.faults.planned = ["after"]
    await rounds(run, 1)
    # Both are sent at the same time, and the first one to come is hit.
    assert paths(run) in (["logs/a"], ["logs/b"])
    await rounds(run, 1)
    assert paths(run) == ["logs/a", "logs/b"]


async def test_manifest_whose_answer_was_lost_is_followed_by_one_with_the_next_number(run: Run) -> None:
    await write(run, a=b"1")
    run.faults.planned = ["none", "none", "after"]
    await rounds(run)
    # One of the same millisecond would be the very same manifest, and no other would be needed.
    await asyncio.sleep(0.01)
    await rounds(run, 1)
    names = sorted(key for key in run.objects() if "manifest-" in key)
    assert names == [f"{FOLDER}/manifest-000001.json", f"{FOLDER}/manifest-000002.json"]
    assert paths(run) == ["logs/a"]


async def test_nothing_new_writes_no_manifest(run: Run) -> None:
    await write(run, a=b"1")
    await rounds(run, 6)
    assert [key for key in run.objects() if "manifest-" in key] == [f"{FOLDER}/manifest-000001.json"]


async def test_deleted_file_leaves_the_next_manifest_and_stays_in_the_store(run: Run) -> None:
    await write(run, a=b"1", b=b"1")
    await rounds(run)
    await run.do("delete", "logs/a", None)
    await rounds(run, 1)
    assert paths(run) == ["logs/b"]
    assert f"{FOLDER}/logs/a" in run.objects()


async def test_old_manifests_of_a_long_run_are_removed(run: Run) -> None:
    for turn in range(6):
        await write(run, a=b"x" * turn)
        await rounds(run)
    assert sum("manifest-" in key for key in run.objects()) == 3


async def test_restarted_sidecar_sends_nothing_again(run: Run) -> None:
    await write(run, a=b"1")
    await rounds(run)
    run.store.delete(f"{FOLDER}/logs/a")
    run.restart()
    await rounds(run, 3)
    assert f"{FOLDER}/logs/a" not in run.objects()


async def test_other_pod_of_the_same_replica_and_attempt_gets_a_folder_of_its_own(run: Run) -> None:
    await rounds(run, 1)
    other = Run(run.folder / "other", store=run.store)
    other.pod.uid = "uid-2"
    other.restart()
    await rounds(other, 1)
    assert other.artifact.report("").uri == f"{PREFIX}.1"
    assert json.loads(run.read(f"{FOLDER}.1/owner.json")) == {"pod": "uid-2"}


async def test_report_calls_the_folder_of_a_claim_by_its_name_for_everybody(run: Run) -> None:
    await rounds(run, 1)
    other = Run(run.folder / "other", store=run.store)
    other.pod.uid, other.pod.task = "uid-2", {"uri": "pvc://team/results/mnist/worker-0"}
    other.restart()
    assert other.artifact.report("").uri == "pvc://team/results/mnist/worker-0"
    await rounds(other, 1)
    assert other.artifact.report("").uri == "pvc://team/results/mnist/worker-0.1"


async def test_unreadable_file_makes_the_artifact_incomplete_and_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str, *words: int, dir_fd: int | None = None) -> int:
        if path == "hidden":
            # Tests may run as a user to whom the kernel refuses nothing.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *words, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse)
    await write(run, a=b"1", hidden=b"1")
    problem = await run.artifact.upload_rest()
    assert problem == "logs/hidden is missing: The uploading sidecar cannot read it: Permission denied."
    assert (manifest(run).complete, paths(run)) == (False, ["logs/a"])
    assert [one.path for one in manifest(run).problems] == ["logs/hidden"]
    report = run.artifact.report(problem)
    assert (report.complete, report.problem, report.files) == (False, problem, 1)


async def test_kept_folder_that_is_a_link_makes_the_artifact_incomplete(run: Run) -> None:
    await write(run, a=b"1", b=b"2")
    (run.pod.workspace / "outputs").symlink_to("logs")
    assert await run.artifact.upload_rest() == "outputs is missing: The folder cannot be read: Not a directory."
    assert (manifest(run).complete, paths(run)) == (False, ["logs/a", "logs/b"])


async def test_what_is_left_out_on_purpose_is_listed_and_leaves_the_artifact_complete(run: Run) -> None:
    await write(run, a=b"1")
    (run.pod.workspace / "logs" / "out").symlink_to("/etc/passwd")
    assert await run.artifact.upload_rest() == ""
    assert manifest(run).complete
    assert [problem.path for problem in manifest(run).problems] == ["logs/out"]


async def test_program_that_wrote_nothing_leaves_an_empty_complete_artifact(run: Run) -> None:
    assert await run.artifact.upload_rest() == ""
    assert (manifest(run).complete, manifest(run).files) == (True, ())
