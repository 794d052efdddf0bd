"""Jobs that set every field, and what each field could be changed to."""

from typing import Any

EVERY_FIELD: dict[str, Any] = {
    "image": "registry.example.com/mnist:1.0",
    "imagePullPolicy": "Always",
    "imagePullSecrets": [{"name": "registry"}],
    "command": ["python", "/app/train.py"],
    "args": ["--epochs", "10"],
    "workingDir": "/app",
    "env": [
        {"name": "SEED", "value": "1"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token", "optional": True}}},
    ],
    "envFrom": [{"prefix": "DB_", "configMapRef": {"name": "database", "optional": False}}],
    "gpusPerWorker": 2,
    "accelerator": "amd.com/gpu",
    "resources": {"requests": {"cpu": "500m", "memory": "4Gi"}, "limits": {"memory": "8Gi", "rdma/hca": 1}},
    "shmSize": "1Gi",
    "overrides": {
        "chief": {"command": ["chief"]},
        "worker": {"image": "worker", "args": [], "env": [{"name": "SEED", "value": "2"}]},
        "ps": {"resources": {"requests": {"cpu": 4}}},
        "evaluator": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}]},
    },
    "parameterServer": {"workers": 3, "servers": 2, "chief": True, "evaluator": True},
    "nodeSelector": {"pool": "gpu"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}]
            }
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 10,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"team": "vision"}},
                    },
                }
            ]
        },
    },
    "topologySpread": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2},
    ],
    "priorityClassName": "high",
    "schedulerName": "other",
    "serviceAccountName": "trainer",
    "runtimeClassName": "nvidia",
    "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "1"}]},
    "volumes": [
        {"name": "data", "persistentVolumeClaim": {"claimName": "digits", "readOnly": True}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "10Gi"}},
    ],
    "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
    "podLabels": {"team": "vision"},
    "podAnnotations": {"example.com/note": "any text"},
    "securityContext": {"profile": "restricted", "runAsUser": 2000, "fsGroup": 2000, "supplementalGroups": [3000]},
    "successPolicy": "AllWorkers",
    "cleanPodPolicy": "All",
    "stopGraceSeconds": 60,
    "evaluatorGraceSeconds": 60,
    "suspend": True,
    "cancel": False,
    "managedBy": "trainingjob.dev/trainingjob-operator",
    "maxRestarts": 5,
    "maxDisruptions": 50,
    "failurePolicy": {
        "rules": [
            {"action": "FailJob", "roles": ["worker"], "onExitCodes": {"operator": "In", "values": [3, 42]}},
            {"action": "RestartJob", "onExitCodes": {"operator": "NotIn", "ranges": [{"from": 1, "to": 127}]}},
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}],
            },
            {"action": "RestartJob", "onReason": ["OOMKilled", "Evicted"]},
        ]
    },
    "activeDeadlineSeconds": 3600,
    "pendingDeadlineSeconds": 600,
    "podTTLSeconds": 60,
    "ttlSecondsAfterFinished": 86400,
    "onNodeLost": "Wait",
    "gang": {"scheduler": "volcano", "minAvailable": 2, "timeoutSeconds": 900, "queue": "research"},
}
"""A spec with every field but the strategies that exclude the one it has."""

_BESIDE_ANY_STRATEGY = {
    name: value for name, value in EVERY_FIELD.items() if name not in ("parameterServer", "overrides", "successPolicy")
}

EVERY_MPI_FIELD: dict[str, Any] = {
    **_BESIDE_ANY_STRATEGY,
    "overrides": {
        "launcher": {"command": ["train"], "args": ["--epochs", "20"], "env": [{"name": "SEED", "value": "2"}]},
        "worker": {"image": "worker", "resources": {"requests": {"cpu": 4}}},
    },
    "mpi": {
        "nodes": 4,
        "processesPerNode": 2,
        "implementation": "IntelMPI",
        "launcherRunsWorker": True,
        "args": ["-genv", "I_MPI_DEBUG", "5"],
        "networkInterface": "bond0.10",
    },
    "successPolicy": "Primary",
}
"""The same for an MPI job."""

EVERY_TORCH_FIELD: dict[str, Any] = {
    **_BESIDE_ANY_STRATEGY,
    "overrides": {"worker": {"command": ["python", "-m", "train"], "args": []}},
    "torch": {
        "nodes": 2,
        "processesPerNode": 4,
        "backend": "nccl",
        "elastic": {"minNodes": 1, "maxNodes": 8},
    },
    "successPolicy": "AllWorkers",
}
"""The same for a PyTorch job."""

EVERY_CODE_FIELD: dict[str, Any] = {
    **{name: value for name, value in _BESIDE_ANY_STRATEGY.items() if name not in ("image", "command", "workingDir")},
    "framework": {"name": "tensorflow", "version": "2.18"},
    "source": {
        "git": {
            "url": "https://git.example.com/team/code.git",
            "ref": "v1.2",
            "path": "training",
            "secretRef": {"name": "git"},
        }
    },
    "entrypoint": "train.py",
    "environment": {
        "pip": ["pandas>=2"],
        "pipFile": "requirements.txt",
        "conda": ["numpy>=1.26"],
        "condaFile": "environment.yml",
        "channels": ["conda-forge"],
        "indexUrl": "https://pypi.example.com/simple",
        "secretRef": {"name": "pypi"},
        "cache": {"claimName": "packages"},
    },
    "inputs": [
        {
            "name": "train",
            "uri": "s3://bucket/train.csv",
            "mode": "download",
            "path": "/datasets/train",
            "sha256": "0" * 64,
            "secretRef": {"name": "s3"},
        },
        {"name": "test", "pvc": {"claimName": "digits", "path": "test"}, "mode": "mount"},
        {
            "name": "labels",
            "csi": {
                "driver": "bucket.csi.example.com",
                "fsType": "fuse",
                "volumeAttributes": {"bucketName": "labels"},
                "nodePublishSecretRef": {"name": "s3"},
            },
        },
    ],
    "resumeFrom": {"job": {"name": "mnist-1", "uid": "11111111-2222-4333-8444-666666666666"}},
    "outputs": {
        "uri": "s3://bucket/runs",
        "secretRef": {"name": "s3"},
        "paths": ["outputs", "checkpoints"],
        "stream": ["logs"],
        "interval": 10,
        "flushSeconds": 900,
        "replicas": "All",
        "required": True,
        "restore": False,
        "captureOutput": True,
    },
    "tensorboard": {"enabled": True, "ttlSeconds": 86400},
    "multiWorker": {"workers": 3, "chief": True, "evaluator": True},
    "successPolicy": "AllWorkers",
}
"""The same for a job that brings its code, data and packages, and keeps what it writes."""

CHANGES: dict[str, Any] = {
    **dict.fromkeys(EVERY_FIELD),
    "image": "registry.example.com/mnist:2.0",
    "framework": {"name": "pytorch"},
    "source": {"configMap": {"name": "code"}},
    "entrypoint": "evaluate.py",
    "environment": {"pip": ["scikit-learn"]},
    "inputs": [{"name": "train", "uri": "s3://bucket/others.csv"}],
    "resumeFrom": {"uri": "s3://bucket/others"},
    "outputs": {"uri": "s3://bucket/others"},
    "tensorboard": {"enabled": False, "ttlSeconds": 60},
    "parameterServer": {"workers": 4},
    "multiWorker": {"workers": 2},
    "mpi": {"nodes": 4},
    "torch": {"nodes": 2},
    "gpusPerWorker": 1,
    "accelerator": "nvidia.com/gpu",
    "successPolicy": "Primary",
    "cleanPodPolicy": "None",
    "stopGraceSeconds": 30,
    "evaluatorGraceSeconds": 0,
    "suspend": False,
    "cancel": True,
    "maxRestarts": 0,
    "maxDisruptions": 0,
    "activeDeadlineSeconds": 7200,
    "onNodeLost": "ForceDelete",
    "gang": {"scheduler": "volcano", "minAvailable": 1, "timeoutSeconds": 60, "queue": "production"},
}
"""For every field of a spec a merge patch that changes it; None takes it away."""
