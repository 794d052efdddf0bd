"""Whatever a program does while its files are uploaded, the last manifest is the tree that it leaves."""

import asyncio
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.playing_uploads import FOLDER, Run
from tests.support.uploading import newest_manifest, read_artifact

ROUND = st.tuples(st.just("round"), st.none(), st.none())
paths = st.sampled_from(["logs/a", "logs/b", "logs/sub/c", "logs/.hidden", "outputs/a"])
contents = st.binary(min_size=1, max_size=40)
operations = st.one_of(
    st.tuples(st.just("write"), paths, contents),
    st.tuples(st.just("append"), paths, contents),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("delete"), paths, st.none()),
    *[ROUND] * 3,
    st.tuples(st.just("restart"), st.none(), st.none()),
    st.tuples(st.just("fault"), st.sampled_from(["before", "after", "none"]), st.none()),
)


Steps = list[tuple[str, str | None, str | bytes | None]]


@settings(max_examples=60)
@given(st.lists(operations, max_size=40))
def test_last_manifest_is_the_tree_that_the_program_leaves(steps: Steps) -> None:
    async def play(run: Run) -> None:
        for step in steps:
            await run.do(*step)
        run.faults.planned.clear()
        assert await run.artifact.upload_rest() == ""

    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        asyncio.run(play(run))
        report = run.artifact.report("")
        name = newest_manifest(run.objects(), FOLDER)
        assert name is not None
        manifest, digests = read_artifact(run.read, FOLDER, name)
        assert digests == run.pod.tree("outputs", "logs")
        assert (manifest.complete, report.complete, report.files) == (True, True, len(digests))
        assert json.loads(run.read(f"{FOLDER}/owner.json")) == {"pod": "uid-1"}


@settings(max_examples=60)
@given(st.lists(operations, max_size=40))
def test_every_manifest_is_true_when_it_is_written_and_its_number_is_the_highest(steps: Steps) -> None:
    async def play(run: Run) -> None:
        seen: dict[str, bytes] = {}
        for step in steps:
            await run.do(*step)
            now = {key: run.read(key) for key in run.objects() if "/manifest-" in key}
            assert all(now[key] == seen[key] for key in now.keys() & seen.keys())
            assert all(max(seen, default="") < name for name in now.keys() - seen.keys())
            if now.keys() - seen.keys():
                manifest, _ = read_artifact(run.read, FOLDER, max(now))
                assert not manifest.complete
            seen = now

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Run(Path(folder))))
