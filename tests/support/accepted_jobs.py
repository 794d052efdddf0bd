"""Jobs that break no rule."""

from typing import Any

from tests.support.code_jobs import ACCEPTED_CODE_JOBS
from tests.support.job_cases import Accepted, mounted
from tests.support.strategy_jobs import elastic, mpi, policy
from trainingjob.api.constants import SHM_PATH

_EACH_FOR_ITSELF: tuple[dict[str, Any], ...] = ({}, {"parameterServer": {}}, elastic(1, 2))

ACCEPTED = [
    *ACCEPTED_CODE_JOBS,
    Accepted("an image alone"),
    Accepted(
        "two workers and a parameter server",
        {
            "command": ["python", "/app/train.py", "--epochs", "10"],
            "gpusPerWorker": 1,
            "parameterServer": {"workers": 2, "servers": 1},
        },
    ),
    Accepted("a strategy with its defaults", {"multiWorker": {}}),
    Accepted("an MPI job with a program", mpi()),
    Accepted("a program of the launcher alone", {"mpi": {}, "overrides": {"launcher": {"command": ["train"]}}}),
    Accepted(
        "a command that begins with mpirun", mpi(command=["mpirun", "-np", "4", "train"], networkInterface="eth0")
    ),
    Accepted("no arguments of mpirun beside a command that begins with it", mpi(command=["mpirun", "train"], args=[])),
    Accepted("arguments of mpirun for a program of a similar name", mpi(command=["mpirun-train"], args=["--verbose"])),
    Accepted(
        "arguments of mpirun where the launcher's own command needs them",
        mpi({"launcher": {"command": ["train"]}}, command=["mpirun", "train"], args=["--bind-to", "core"]),
    ),
    Accepted(
        "workers of an MPI job that differ in what they have",
        mpi({"worker": {"image": "worker", "env": [{"name": "SEED", "value": "2"}], "nodeSelector": {"disk": "ssd"}}}),
    ),
    Accepted("an MPI job of one pod", mpi({"launcher": {"image": "launcher"}}, nodes=1, launcherRunsWorker=True)),
    Accepted("a PyTorch job of an image's own program", {"torch": {"nodes": 4}, "gpusPerWorker": 1}),
    Accepted(
        "one process for several GPUs in an image's own program",
        {"torch": {"processesPerNode": 1}, "gpusPerWorker": 8},
    ),
    Accepted(
        "several processes of a program of the workers",
        {"torch": {"processesPerNode": 2}, "overrides": {"worker": {"command": ["train"]}}},
    ),
    Accepted("a PyTorch job that waits for all workers", {"torch": {"nodes": 2}, "successPolicy": "AllWorkers"}),
    Accepted("an elastic job with its fewest nodes", elastic(2, 4, nodes=2)),
    Accepted("an elastic job with its most nodes", elastic(2, 4, nodes=4)),
    Accepted("an elastic job that has no room", elastic(1, 1)),
    Accepted("a job that another controller runs", {"managedBy": "kueue.x-k8s.io/multikueue"}),
    Accepted("a job that is suspended from the first", {"suspend": True}),
    Accepted("a gang that gives way in time", {"gang": {"timeoutSeconds": 300}, "multiWorker": {"workers": 2}}),
    Accepted("no gang, in so many words", {"gang": {"scheduler": "none"}}),
    Accepted("a gang of Volcano without a queue", {"gang": {"scheduler": "volcano"}}),
    Accepted(
        "all that compute as members",
        {
            "parameterServer": {"workers": 2, "servers": 2, "chief": True, "evaluator": True},
            "gang": {"scheduler": "coscheduling", "minAvailable": 5, "timeoutSeconds": 60},
        },
    ),
    Accepted(
        "a launcher that is a node itself as a member",
        {**mpi(nodes=4, launcherRunsWorker=True), "gang": {"scheduler": "volcano", "minAvailable": 4}},
    ),
    Accepted("a gang of Kueue", {"gang": {"scheduler": "kueue", "queue": "team-a"}, "torch": {"nodes": 4}}),
    Accepted("no restart at all", {"maxRestarts": 0, "maxDisruptions": 0}),
    Accepted("times to live that are over at once", {"podTTLSeconds": 0, "ttlSecondsAfterFinished": 0}),
    Accepted("a failure policy without a rule", {"failurePolicy": {"rules": []}}),
    Accepted(
        "exit codes as values and as ranges",
        policy(
            "FailJob",
            onExitCodes={
                "operator": "NotIn",
                "values": [1, 255],
                "ranges": [{"from": 7, "to": 7}, {"from": 64, "to": 78}],
            },
        ),
    ),
    Accepted("a pod's condition by its type alone", policy("Ignore", onPodConditions=[{"type": "DisruptionTarget"}])),
    *(
        Accepted(
            f"a replica that restarts alone in a job with {' and '.join(strategy) or 'one pod'}",
            {**strategy, **policy("RestartReplica", roles=["worker"], onReason=["Evicted"])},
        )
        for strategy in _EACH_FOR_ITSELF
    ),
    Accepted(
        "rules for every role of a job",
        {
            "parameterServer": {"chief": True, "evaluator": True},
            **policy("FailJob", roles=["chief", "worker", "ps", "evaluator"], onReason=["OOMKilled"]),
        },
    ),
    Accepted(
        "rules for every role of an MPI job",
        {**mpi(), **policy("FailJob", roles=["launcher", "worker"], onReason=["E"])},
    ),
    Accepted("the image's own command in a role", {"command": ["train"], "overrides": {"worker": {"command": []}}}),
    Accepted("a variable without a value", {"env": [{"name": "DEBUG"}]}),
    Accepted("quantities as numbers and texts", {"resources": {"requests": {"cpu": 2, "memory": "4Gi"}}}),
    Accepted("another extended resource", {"resources": {"limits": {"rdma/hca": 1, "hugepages-2Mi": "64Mi"}}}),
    Accepted("root where the profile is the operator's choice", {"securityContext": {"runAsUser": 0}}),
    Accepted("root under baseline", {"securityContext": {"profile": "baseline", "runAsUser": 0}}),
    Accepted("a mount beneath shared memory", mounted(mountPath=f"{SHM_PATH}/cache")),
    *(
        Accepted(
            f"a name as long as can be with {workers} workers", {"multiWorker": {"workers": workers}}, "a" * length
        )
        for workers, length in ((1, 54), (10, 54), (100, 53), (1000, 52), (10_000, 51))
    ),
    *(
        Accepted(f"a name as long as can be beside the pod {pod}", strategy, "a" * (62 - len(pod)))
        for pod, strategy in (
            ("launcher-0", mpi(nodes=1000)),
            ("worker-1000", mpi(nodes=1001)),
            ("worker-9", {"torch": {"nodes": 10}}),
            ("worker-10", elastic(1, 11)),
        )
    ),
    Accepted("a name as long as can be beside an evaluator", {"multiWorker": {"evaluator": True}}, name="a" * 51),
    Accepted(
        "every override of a job with every role",
        {
            "parameterServer": {"workers": 2, "servers": 2, "chief": True, "evaluator": True},
            "overrides": {
                "chief": {"image": "chief"},
                "worker": {"args": ["--worker"]},
                "ps": {"resources": {"requests": {"memory": "8Gi"}}},
                "evaluator": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}]},
            },
        },
    ),
    Accepted(
        "every kind of volume",
        {
            "volumes": [
                {"name": "config", "configMap": {"name": "config", "items": [{"key": "a", "path": "a.json"}]}},
                {"name": "secret", "secret": {"secretName": "secret", "defaultMode": 256}},
                {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
                {"name": "claim", "persistentVolumeClaim": {"claimName": "claim", "readOnly": True}},
                {
                    "name": "projected",
                    "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}]},
                },
                {
                    "name": "pod",
                    "downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]},
                },
                {"name": "csi", "csi": {"driver": "secrets.example.com", "volumeAttributes": {"class": "fast"}}},
                {
                    "name": "ephemeral",
                    "ephemeral": {
                        "volumeClaimTemplate": {
                            "spec": {
                                "accessModes": ["ReadWriteOnce"],
                                "resources": {"requests": {"storage": "10Gi"}},
                            }
                        }
                    },
                },
            ],
            "volumeMounts": [{"name": "claim", "mountPath": "/data", "readOnly": True}],
        },
    ),
    Accepted(
        "every scheduling field",
        {
            "nodeSelector": {"topology.kubernetes.io/zone": "a"},
            "tolerations": [{"key": "gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"}],
            "affinity": {
                "podAntiAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 1,
                            "podAffinityTerm": {
                                "topologyKey": "kubernetes.io/hostname",
                                "labelSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
                            },
                        }
                    ]
                }
            },
            "topologySpread": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
            "priorityClassName": "high",
            "schedulerName": "other",
            "serviceAccountName": "trainer",
            "runtimeClassName": "nvidia",
            "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
            "podLabels": {"team": "vision", "empty": ""},
            "podAnnotations": {"example.com/note": "any text at all"},
        },
    ),
]
