"""Jobs that break no rule."""

from tests.support.job_cases import Accepted, mounted
from trainingjob.api.constants import SHM_PATH

ACCEPTED = [
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
