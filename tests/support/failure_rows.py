"""The scenario of each row of `docs/failures.md`, by the text of its first cell."""

from collections.abc import Mapping
from typing import Any

from tests.support.builders import JOB_UID
from tests.support.failure_artifacts import ARTIFACTS
from tests.support.failure_scenarios import (
    ELASTIC,
    HOUR,
    LAUNCHER,
    MPI,
    TORCH,
    Scenario,
    begins_and,
    ends,
    job_is_deleted,
    job_of_the_same_name,
    node_is_silent,
    nothing,
    one_after_another,
    operator_dies,
    pods_end,
    refuses,
    rule,
    succeeds_and,
    taken_away,
    the_cache_misses,
    time_passes,
    unseen,
    user_sets,
    vanishes,
    waits,
    write_fails,
)
from tests.support.playing import CHIEF, EVALUATOR, GROUP, PS, SERVERS, WORKER_0, WORKER_1
from trainingjob.reconcile import MainContainer, RefusalKind

NO_RESTARTS: dict[str, Any] = {"maxRestarts": 0}
NO_DISRUPTIONS: dict[str, Any] = {"maxDisruptions": 0}
IMPATIENT: dict[str, Any] = {"pendingDeadlineSeconds": 60}
KUEUE: dict[str, Any] = {"gang": {"scheduler": "kueue", "queue": "research"}}
ALL_WORKERS: dict[str, Any] = {"successPolicy": "AllWorkers"}
BOTH_FAIL = unseen(ends(WORKER_0), ends(WORKER_1))

PROGRAMS: Mapping[str, Scenario] = {
    "The program ends with a code other than 0.": Scenario(ends(), changed=NO_RESTARTS),
    "The program uses more memory than its limit and is killed.": Scenario(
        ends(code=137, reason="OOMKilled"), changed=rule("FailJob", onReason=["OOMKilled"])
    ),
    "The pod writes more than its limit of `ephemeral-storage`.": Scenario(
        ends(code=137, pod_reason="Evicted"), changed=rule("Ignore", onReason=["Evicted"])
    ),
    "The command does not exist in the image.": Scenario(
        ends(code=128, reason="StartError"), changed=rule("FailJob", onReason=["StartError"])
    ),
    "The node forbids what the pod asks of its kernel, as an unsafe sysctl.": Scenario(
        waits(phase="Failed", reason="SysctlForbidden"), begun=False, changed=NO_RESTARTS
    ),
    "The preparation of a pod fails, as in an MPI image without `sshd`.": Scenario(
        waits(phase="Failed", init_name="prepare", init_exit_code=3, init_message="no sshd"),
        begun=False,
        changed=NO_RESTARTS,
    ),
    "Two programs of a group fail at the same time.": Scenario(BOTH_FAIL, changed=NO_RESTARTS),
    "The launcher of an MPI job fails because a worker was lost.": Scenario(
        unseen(taken_away("PreemptionByScheduler"), ends(LAUNCHER)), job=MPI, changed=NO_DISRUPTIONS
    ),
    "The program fails again when the restarts are used up.": Scenario(
        ends(), job={**GROUP, **NO_RESTARTS}, changed={"maxRestarts": 1}
    ),
    "The program ends with a code that `failurePolicy` fails.": Scenario(
        ends(code=42), job={**GROUP, **rule("FailJob", onExitCodes={"operator": "In", "values": [42]})}
    ),
    "The program ends with a code that `failurePolicy` ignores.": Scenario(
        ends(code=42),
        job={**GROUP, **rule("Ignore", onExitCodes={"operator": "In", "values": [42]})},
        changed=NO_DISRUPTIONS,
    ),
    "A worker fails after the primary has succeeded.": Scenario(
        unseen(ends(WORKER_0, 0), time_passes(1), ends()), changed=ALL_WORKERS
    ),
    "The program has ended with code 0, and a sidecar that somebody injected runs on.": Scenario(
        ends(WORKER_0, 0, phase="Running", others_running=True), changed=ALL_WORKERS
    ),
}

CLUSTER: Mapping[str, Scenario] = {
    "A pod is preempted by one of higher priority.": Scenario(
        taken_away("PreemptionByScheduler"), changed=NO_DISRUPTIONS
    ),
    "A pod is evicted, or its node is drained.": Scenario(taken_away("EvictionByEvictionAPI"), changed=NO_DISRUPTIONS),
    "A pod is evicted, and its program catches SIGTERM and ends with code 0.": Scenario(
        taken_away("EvictionByEvictionAPI", WORKER_0, 0)
    ),
    "The node runs short of memory or disk and evicts a pod.": Scenario(
        ends(code=137, pod_reason="Evicted", disruption="TerminationByKubelet"), changed=NO_DISRUPTIONS
    ),
    "The same happens to a pod with a sidecar that somebody injected.": Scenario(
        ends(code=137, pod_reason="Evicted", disruption="TerminationByKubelet", others_running=True),
        changed=NO_DISRUPTIONS,
    ),
    "The node shuts down in order.": Scenario(ends(code=143, pod_reason="Terminated"), changed=NO_DISRUPTIONS),
    "The node turns a pod away that was sent to it.": Scenario(
        waits(phase="Failed", reason="OutOfcpu"), begun=False, changed=NO_DISRUPTIONS
    ),
    "The node loses power, or its containers, and is back at once.": Scenario(
        ends(code=255, reason="Unknown"), changed=NO_DISRUPTIONS
    ),
    "Kueue preempts the job.": Scenario(
        unseen(taken_away("", WORKER_0), taken_away("", WORKER_1)), job={**GROUP, **KUEUE}, changed=NO_DISRUPTIONS
    ),
    "Somebody deletes a pod.": Scenario(taken_away(""), changed=NO_DISRUPTIONS),
    "Somebody deletes a pod that waits to begin.": Scenario(begins_and(vanishes(WORKER_1)), begun=False),
    "Somebody deletes a worker of an `mpi` job whose launcher has begun or is about to.": Scenario(
        begins_and(unseen(lambda world: world.start(WORKER_0, LAUNCHER), vanishes(WORKER_1), ends(LAUNCHER, 255))),
        job=MPI,
        begun=False,
        changed=NO_DISRUPTIONS,
    ),
    "Somebody deletes the pod of a worker that has succeeded.": Scenario(
        one_after_another(ends(WORKER_1, 0), vanishes(WORKER_1))
    ),
    "The same happens within ten seconds of its success, before the operator has noted it.": Scenario(
        unseen(ends(WORKER_1, 0), vanishes(WORKER_1)), changed=NO_DISRUPTIONS
    ),
    "Pods are deleted or collected as garbage after the job has ended.": Scenario(
        succeeds_and(vanishes(WORKER_0), pods_end)
    ),
    "The node does not answer for about a minute.": Scenario(node_is_silent, changed={"onNodeLost": "Wait"}),
    "The node comes back after that and stops the old program.": Scenario(
        one_after_another(node_is_silent, ends(code=137)), changed=NO_DISRUPTIONS
    ),
    "The node comes back before that.": Scenario(nothing),
    "The node is removed from the cluster.": Scenario(
        ends(code=None, disruption="DeletionByPodGC", phase="Failed"), changed=NO_DISRUPTIONS
    ),
    "The kubelet restarts.": Scenario(
        one_after_another(
            lambda world: world.change(WORKER_1, ready=False), lambda world: world.change(WORKER_1, ready=True)
        )
    ),
}

REPLICAS: Mapping[str, Scenario] = {
    "A worker of a `parameterServer` job with `gang.scheduler: kueue` fails.": Scenario(
        ends(), job={**SERVERS, **KUEUE}, changed=NO_RESTARTS
    ),
    "The only pod of a job fails.": Scenario(ends(WORKER_0), job={}),
    "A worker or the chief of a `multiWorker` job fails.": Scenario(ends(), job=GROUP),
    "A worker or the launcher of an `mpi` job fails.": Scenario(ends(), job=MPI, seconds=30),
    "A worker of a `torch` job that is not elastic fails.": Scenario(ends(), job=TORCH),
    "A worker of a `parameterServer` job fails.": Scenario(
        ends(), job=SERVERS, changed=rule("RestartJob", roles=["worker"], onReason=["Error"])
    ),
    "A worker of a `parameterServer` job is taken away.": Scenario(
        taken_away("PreemptionByScheduler"),
        job=SERVERS,
        changed=rule("RestartJob", roles=["worker"], onReason=["PreemptionByScheduler"]),
    ),
    "Two workers of a `parameterServer` job fail at the same time.": Scenario(
        BOTH_FAIL, job=SERVERS, changed={"maxRestarts": 1}
    ),
    "A server of a `parameterServer` job fails.": Scenario(
        ends(PS), job=SERVERS, changed=rule("RestartReplica", roles=["ps"], onReason=["Error"])
    ),
    "The chief of a `parameterServer` job fails.": Scenario(
        ends(CHIEF), job=SERVERS, changed=rule("RestartReplica", roles=["chief"], onReason=["Error"])
    ),
    "A server and a worker of a `parameterServer` job fail at the same time.": Scenario(
        unseen(ends(PS), ends()), job=SERVERS, changed=NO_RESTARTS
    ),
    "A worker other than 0 of an elastic `torch` job is taken away.": Scenario(
        taken_away("EvictionByEvictionAPI"), job=ELASTIC, changed=NO_DISRUPTIONS
    ),
    "A worker other than 0 of an elastic `torch` job fails by itself.": Scenario(
        ends(), job=ELASTIC, changed=rule("RestartReplica", onReason=["Error"])
    ),
    "Worker 0 of an elastic `torch` job is taken away.": Scenario(
        taken_away("EvictionByEvictionAPI", WORKER_0), job=ELASTIC, changed=NO_DISRUPTIONS
    ),
    "An evaluator fails.": Scenario(
        ends(EVALUATOR), job=SERVERS, changed=rule("FailJob", roles=["evaluator"], onReason=["Error"])
    ),
    "An evaluator fails when the restarts are used up.": Scenario(
        ends(EVALUATOR), job={**SERVERS, **NO_RESTARTS}, changed={"maxRestarts": 1}
    ),
    "An evaluator still runs when the training has ended.": Scenario(
        ends(CHIEF, 0), job=SERVERS, changed={"evaluatorGraceSeconds": 0}
    ),
}

WAITING: Mapping[str, Scenario] = {
    "No node has room for a pod.": Scenario(
        waits(unschedulable="0/3 nodes", scheduling_reason="Unschedulable"), begun=False, stuck=True, changed=IMPATIENT
    ),
    "A queue holds the pods back by a scheduling gate.": Scenario(
        waits(scheduling_reason="SchedulingGated"), begun=False, stuck=True, changed=IMPATIENT
    ),
    "Not all pods find a node within `gang.timeoutSeconds`.": Scenario(
        one_after_another(waits(unschedulable="0/3 nodes", scheduling_reason="Unschedulable"), time_passes(60)),
        job={**GROUP, "gang": {"timeoutSeconds": 60}},
        begun=False,
        changed={"gang": {"timeoutSeconds": 6000}},
    ),
    "The scheduler that `gang` names is not installed.": Scenario(
        refuses(RefusalKind.GANG_SCHEDULER, f"mnist-{JOB_UID[:8]}-a0"),
        job={**GROUP, "gang": {"scheduler": "volcano"}},
        begun=False,
        stuck=True,
        changed=IMPATIENT,
    ),
    "An image cannot be pulled.": Scenario(
        waits(main=MainContainer(reason="ImagePullBackOff")), begun=False, stuck=True, changed=IMPATIENT
    ),
    "A ConfigMap or Secret that `env` or `envFrom` names is missing.": Scenario(
        waits(main=MainContainer(reason="CreateContainerConfigError")), begun=False, stuck=True, changed=IMPATIENT
    ),
    "A volume cannot be mounted.": Scenario(
        one_after_another(waits(), time_passes(20)), begun=False, stuck=True, changed=IMPATIENT
    ),
    "A quota leaves no room for a pod.": Scenario(
        refuses(RefusalKind.QUOTA, WORKER_1), begun=False, stuck=True, changed=IMPATIENT
    ),
    "A quota leaves no room for the pods of a restart.": Scenario(
        one_after_another(BOTH_FAIL, pods_end, refuses(RefusalKind.QUOTA, WORKER_0, WORKER_1), time_passes(10)),
        stuck=True,
        changed=IMPATIENT,
    ),
    "A policy or webhook of the cluster refuses a pod.": Scenario(
        refuses(RefusalKind.ADMISSION, WORKER_1), begun=False, stuck=True, changed=IMPATIENT
    ),
    "Pods of an earlier job of the same name are still ending.": Scenario(
        job_of_the_same_name, begun=False, stuck=True, changed=IMPATIENT
    ),
    "An object that is not the job's has a name that the job needs.": Scenario(
        refuses(RefusalKind.NAME_TAKEN, WORKER_1), begun=False, stuck=True, changed=IMPATIENT
    ),
}

OPERATOR: Mapping[str, Scenario] = {
    "The operator or the API server is away.": Scenario(time_passes(HOUR)),
    "A program fails while the operator is away.": Scenario(unseen(BOTH_FAIL, time_passes(HOUR)), changed=NO_RESTARTS),
    "The job succeeds while the operator is away, and a deadline passes.": Scenario(
        unseen(ends(WORKER_0, 0), time_passes(HOUR)), job={**GROUP, "activeDeadlineSeconds": 600}
    ),
    "The operator is killed after it has counted a restart and before it has deleted a pod.": Scenario(
        operator_dies, changed=NO_RESTARTS
    ),
    "The API server does not take the record of a restart.": Scenario(write_fails, changed=NO_RESTARTS),
    "The operator sees a pod late, or somebody has taken its labels away.": Scenario(the_cache_misses),
    "The operator's clock jumps by an hour.": Scenario(one_after_another(time_passes(HOUR), time_passes(-2 * HOUR))),
}

USER: Mapping[str, Scenario] = {
    "`suspend: true`": Scenario(user_sets(suspend=True)),
    "`suspend: true`, and `suspend: false` later.": Scenario(
        one_after_another(user_sets(suspend=True), pods_end, user_sets(suspend=False))
    ),
    "`suspend: true` while the job restarts.": Scenario(one_after_another(BOTH_FAIL, user_sets(suspend=True))),
    "`suspend: true` when the primary has succeeded and the operator has not seen it.": Scenario(
        unseen(ends(WORKER_0, 0), user_sets(suspend=True))
    ),
    "`suspend: true` while the end waits for the evaluator.": Scenario(
        one_after_another(ends(CHIEF, 0), user_sets(suspend=True)), job=SERVERS
    ),
    "A pod is evicted while the job is being suspended.": Scenario(
        one_after_another(user_sets(suspend=True), taken_away("EvictionByEvictionAPI"))
    ),
    "`cancel: true`": Scenario(user_sets(cancel=True), job={**GROUP, "cleanPodPolicy": "None"}),
    "`cancel: true` for a suspended job.": Scenario(user_sets(cancel=True), job={**GROUP, "suspend": True}),
    "`cancel: true` and `suspend: true` at once.": Scenario(user_sets(cancel=True, suspend=True)),
    "The job is deleted while it restarts.": Scenario(one_after_another(BOTH_FAIL, job_is_deleted)),
    "`managedBy` names another controller.": Scenario(
        nothing, job={**GROUP, "managedBy": "example.com/other"}, begun=False
    ),
    "`maxRestarts` is set lower than what is counted already.": Scenario(
        one_after_another(BOTH_FAIL, user_sets(maxRestarts=0))
    ),
    "`torch.nodes` of an elastic job grows while it runs.": Scenario(
        user_sets(torch={"nodes": 4, "elastic": {"minNodes": 1, "maxNodes": 4}}), job=ELASTIC
    ),
    "`torch.nodes` of an elastic job shrinks while it runs.": Scenario(
        user_sets(torch={"nodes": 1, "elastic": {"minNodes": 1, "maxNodes": 4}}), job=ELASTIC
    ),
}

TIMES: Mapping[str, Scenario] = {
    "The job runs for longer than `activeDeadlineSeconds`.": Scenario(
        time_passes(600), job={**GROUP, "activeDeadlineSeconds": 600}, changed={"activeDeadlineSeconds": 6000}
    ),
    "Not every replica runs within `pendingDeadlineSeconds`.": Scenario(
        one_after_another(waits(), time_passes(600)),
        job={**GROUP, "pendingDeadlineSeconds": 600},
        begun=False,
        stuck=True,
        changed={"pendingDeadlineSeconds": 6000},
    ),
    "`activeDeadlineSeconds` passes while the end waits for the evaluator.": Scenario(
        one_after_another(ends(CHIEF, 0), time_passes(600)), job={**SERVERS, "activeDeadlineSeconds": 600}
    ),
    "The job has ended and `cleanPodPolicy` is `Running`.": Scenario(
        ends(WORKER_0, 0), changed={"cleanPodPolicy": "All"}
    ),
    "`podTTLSeconds` have passed since the end.": Scenario(
        succeeds_and(time_passes(600)), job={**GROUP, "podTTLSeconds": 600}, changed={"podTTLSeconds": 6000}
    ),
    "`ttlSecondsAfterFinished` have passed since the end.": Scenario(
        succeeds_and(time_passes(600)),
        job={**GROUP, "ttlSecondsAfterFinished": 600},
        changed={"ttlSecondsAfterFinished": 6000},
    ),
}

SCENARIOS: Mapping[str, Scenario] = {
    **PROGRAMS,
    **CLUSTER,
    **REPLICAS,
    **ARTIFACTS,
    **WAITING,
    **OPERATOR,
    **USER,
    **TIMES,
}
