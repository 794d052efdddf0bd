"""The scenarios of `docs/failures.md` in which pods bring code and data, and keep artifacts."""

from collections.abc import Mapping
from typing import Any

from tests.support.failure_scenarios import (
    HOUR,
    Play,
    Scenario,
    Spec,
    ends,
    node_is_silent_of,
    one_after_another,
    time_passes,
    user_sets,
    vanishes,
    waits,
)
from tests.support.playing import GROUP, WORKER_0, WORKER_1
from tests.support.uploads import STORE, report, uploaded
from tests.support.world import World

KEEPS: Spec = {**GROUP, "outputs": {"uri": STORE}, "workingDir": "/app"}
KEEPS_ALL: Spec = {**GROUP, "outputs": {"uri": STORE, "replicas": "All"}, "workingDir": "/app"}
REQUIRED: dict[str, Any] = {"outputs": {"uri": STORE, "required": True}}
LONGEST = 30 + 600 + 60


def succeeds_and_uploads(*then: Play) -> Play:
    """Return that the primary succeeds while its sidecar goes on, and what happens then."""
    return one_after_another(ends(WORKER_0, 0), *then)


def says(text: str, code: int = 0, reason: str = "") -> Play:
    """Return that the primary's sidecar ends with these words."""
    return lambda world: uploaded(world, WORKER_0, text, code, reason)


def cannot_be_prepared(code: int) -> Play:
    """Return that the code of worker 1 cannot be fetched."""
    return waits(phase="Failed", init_name="fetch-source", init_exit_code=code, init_message="no ref 'mian'")


def end_is_unheard(world: World) -> None:
    """Let the programs end that are told to, and their sidecars not be heard of any more."""
    world.wait(LONGEST)


ARTIFACTS: Mapping[str, Scenario] = {
    "The code, a package, an input or an artifact that is asked for does not exist, or is not right.": Scenario(
        cannot_be_prepared(65), begun=False
    ),
    "A server does not answer while a pod is prepared.": Scenario(
        cannot_be_prepared(75), begun=False, changed={"maxRestarts": 0}
    ),
    "The program has succeeded, and its artifacts are being uploaded.": Scenario(succeeds_and_uploads(), job=KEEPS),
    "The sidecar that uploads is killed.": Scenario(
        succeeds_and_uploads(says("", 137, "OOMKilled")), job=KEEPS, changed=REQUIRED
    ),
    "The store is down at the end.": Scenario(
        succeeds_and_uploads(says(report(WORKER_0, complete=False, problem="The store does not answer."))),
        job=KEEPS,
        changed=REQUIRED,
    ),
    "The sidecar reports what no sidecar reports.": Scenario(
        succeeds_and_uploads(says('{"uri": "s3://elsewhere"}')), job=KEEPS, changed=REQUIRED
    ),
    "The node dies while artifacts are being uploaded.": Scenario(
        succeeds_and_uploads(node_is_silent_of(WORKER_0)), job=KEEPS, changed=REQUIRED
    ),
    "Somebody deletes the pod while artifacts are being uploaded.": Scenario(
        succeeds_and_uploads(vanishes(WORKER_0)), job=KEEPS, changed=REQUIRED
    ),
    "Nothing is heard of the sidecar for `stopGraceSeconds`, `flushSeconds` and a minute.": Scenario(
        succeeds_and_uploads(end_is_unheard), job=KEEPS, changed=REQUIRED
    ),
    "`cancel: true` or `suspend: true` while artifacts are being uploaded.": Scenario(
        succeeds_and_uploads(user_sets(cancel=True), user_sets(suspend=True)), job=KEEPS
    ),
    "The program fails for good while another one that uploads still runs.": Scenario(
        ends(WORKER_1), job={**KEEPS_ALL, "maxRestarts": 0}, changed={"maxRestarts": 1}
    ),
    "The job runs for longer than `activeDeadlineSeconds` and has artifacts to upload.": Scenario(
        time_passes(HOUR), job={**KEEPS, "activeDeadlineSeconds": 600}, changed={"activeDeadlineSeconds": 6000}
    ),
}
