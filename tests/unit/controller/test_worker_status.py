"""When the status is written, and when it waits."""

from datetime import timedelta

import pytest

from tests.support.builders import CREATED
from tests.unit.controller.stage import KEY, PODS_OF_THE_JOB, QUOTA, Stage
from trainingjob.api.status import Phase
from trainingjob.controller.kube import JOBS
from trainingjob.controller.kube_errors import TransientError


async def test_second_look_without_news_writes_nothing() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    before = stage.kube.writes()
    await stage.look()
    assert stage.kube.writes() == before


async def test_whole_life_of_a_job_costs_its_creates_deletes_and_few_status_writes() -> None:
    stage = Stage(status_interval=0)
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    assert len(stage.start) == 1
    stage.end("mnist-worker-1", 0)
    stage.end("mnist-worker-0", 0)
    await stage.look()
    assert stage.stored().status.phase is Phase.SUCCEEDED
    await stage.look()
    assert stage.kube.writes("delete") == ["delete pods/mnist-ps-0"]
    await stage.look()
    assert len(stage.kube.writes("patch")) <= 4
    assert len(stage.kube.writes("create")) == 4


async def test_clean_up_begins_only_after_the_end_is_stored() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    stage.end("mnist-worker-0", 0)
    await stage.look()
    assert stage.kube.writes()[-1] == "patch trainingjobs/mnist"
    assert stage.queue.depth == 1, "the job comes again by itself"
    await stage.look()
    assert {write.split()[0] for write in stage.kube.writes()[-2:]} == {"delete"}


async def test_counts_alone_wait_for_more_of_them() -> None:
    stage = Stage(status_interval=3600)
    stage.submit()
    await stage.look()
    stage.run("mnist-worker-0")
    await stage.look()
    assert len(stage.kube.writes("patch")) == 1
    stage.run("mnist-worker-1", "mnist-ps-0")
    await stage.look()
    assert len(stage.kube.writes("patch")) == 2, "a change of phase does not wait"


async def test_last_word_on_a_finished_job_does_not_wait() -> None:
    stage = Stage(status_interval=3600)
    stage.submit()
    await stage.look()
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    stage.end("mnist-worker-1", 0)
    stage.end("mnist-worker-0", 0)
    await stage.look()
    await stage.look()
    server = stage.pods.get("team", "mnist-ps-0")
    assert server is not None
    writes = len(stage.kube.writes("patch"))
    stage.pods.remove(server)
    await stage.look()
    assert len(stage.kube.writes("patch")) == writes + 1
    replicas = stage.stored().status.replicas or {}
    assert replicas["ps"].active == 0


async def test_first_word_that_only_says_that_pods_were_created_waits_for_the_next() -> None:
    stage = Stage(first_status=(3600, 3600))
    stage.submit()
    await stage.look()
    assert stage.kube.writes("patch") == []
    assert stage.queue.waiting == 1, "it is written later if nothing happens"
    stage.run(*PODS_OF_THE_JOB)
    await stage.look()
    assert stage.stored().status.phase is Phase.RUNNING
    assert len(stage.kube.writes("patch")) == 1


async def test_first_word_waits_longer_while_other_jobs_wait_for_their_pods() -> None:
    stage = Stage(first_status=(1e-9, 3600))
    stage.submit()
    stage.queue.add(("team", "another"))
    await stage.worker.look(KEY)
    await stage.worker.look(KEY)
    assert stage.kube.writes("patch") == []


async def test_first_word_that_names_a_trouble_does_not_wait() -> None:
    stage = Stage(first_status=(3600, 3600))
    stage.submit()
    stage.kube.before = lambda verb, name: QUOTA if (verb, name) == ("create", "mnist-ps-0") else None
    await stage.look()
    assert stage.stored().status.reason == "QuotaExceeded"


async def test_status_decided_from_an_old_version_is_not_written_and_the_job_is_read_anew() -> None:
    stage = Stage()
    stage.submit()
    newer = stage.kube.put(JOBS, "team", {**stage.job_body(), "spec": {"image": "x", "cleanPodPolicy": "All"}})
    with pytest.raises(TransientError):
        await stage.look()
    known = stage.jobs.get(*KEY)
    assert known is not None
    assert known.resource_version == newer["metadata"]["resourceVersion"]
    assert stage.stored().status.phase is None


async def test_lost_answer_to_a_status_write_ends_in_the_same_status() -> None:
    stage = Stage()
    stage.submit()
    lost = iter([TransientError("reset")])
    stage.kube.after = lambda verb, _: next(lost, None) if verb == "patch" else None
    with pytest.raises(TransientError):
        await stage.look()
    await stage.look()
    known = stage.jobs.get(*KEY)
    assert known is not None
    assert (known.status.phase, stage.stored().status.phase) == (Phase.PENDING, Phase.PENDING)
    await stage.look()
    assert stage.kube.writes("patch") == ["patch trainingjobs/mnist"]
    assert len(stage.kube.writes("create")) == 4


async def test_invalid_stored_form_is_said_and_creates_nothing() -> None:
    stage = Stage()
    stage.submit(parameterServer={"workers": -3})
    await stage.look()
    status = stage.stored().status
    assert stage.kube.writes() == ["patch trainingjobs/mnist"]
    assert any(c.type == "Stalled" and c.status == "True" for c in status.conditions or [])


async def test_decision_that_wants_a_later_look_gets_it() -> None:
    stage = Stage()
    stage.submit()
    await stage.look()
    assert stage.queue.waiting == 1


async def test_time_moves_only_through_the_given_clock() -> None:
    stage = Stage()
    stage.submit()
    stage.now = CREATED + timedelta(days=1)
    await stage.look()
    assert stage.creation == [86400.0]
