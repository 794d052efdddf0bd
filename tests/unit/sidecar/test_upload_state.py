"""What a restarted sidecar remembers."""

from pathlib import Path

import pytest

from trainingjob.sidecar.scan import Stamp
from trainingjob.sidecar.state import State, Written, load, save
from trainingjob.sidecar.transfer import Sent


def test_state_is_the_same_after_a_restart(tmp_path: Path) -> None:
    sent = {'a "quoted"\\ü': Sent(Stamp(3, 10**18 + 7, 42), b"\x01" * 32, growing=True)}
    state = State("uid", "s3://b/x.1", Written(7, "f" * 64, 1, 3, complete=False), sent)
    save(tmp_path, state)
    assert load(tmp_path, "uid") == state


def test_state_of_another_pod_is_forgotten(tmp_path: Path) -> None:
    save(tmp_path, State("uid", "s3://b/x"))
    assert load(tmp_path, "other") == State("other")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pod": "uid"}', '{"pod": "uid", "uri": "", "written": null}\n[1]'])
def test_state_that_cannot_be_read_is_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "upload.jsonl").write_text(text)
    assert load(tmp_path, "uid") == State("uid")


def test_missing_state_is_an_empty_one(tmp_path: Path) -> None:
    assert load(tmp_path, "uid") == State("uid")
