"""Jobs that break one rule each, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused, mounted
from tests.support.refused_environments import REFUSED_ENVIRONMENTS
from tests.support.refused_gangs import REFUSED_GANGS
from tests.support.refused_inputs import REFUSED_INPUTS
from tests.support.refused_names import REFUSED_NAMES
from tests.support.refused_outputs import REFUSED_OUTPUTS
from tests.support.refused_policies import REFUSED_POLICIES
from tests.support.refused_sources import REFUSED_SOURCES
from tests.support.refused_strategies import REFUSED_STRATEGIES
from tests.support.refused_tensorboards import REFUSED_TENSORBOARDS
from tests.support.strategy_jobs import mpi
from trainingjob.api.constants import SHM_PATH


def _variable(name: str) -> dict[str, Any]:
    return {"env": [{"name": "EPOCHS", "value": "10"}, {"name": name, "value": "x"}]}


_RESERVED = [
    Refused(
        f"the variable {name} is the operator's",
        "spec.env[1].name",
        f"{name} is set by the operator; choose another name",
        _variable(name),
    )
    for name in (
        "TF_CONFIG",
        "RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "LOCAL_WORLD_SIZE",
        "MASTER_ADDR",
        "MASTER_PORT",
        "PET_NNODES",
        "TRAININGJOB_ROLE",
    )
]

_ENVIRONMENT = [
    Refused(
        "an override sets a variable of the operator",
        "spec.overrides.worker.env[0].name",
        "RANK is set by the operator; choose another name",
        {"overrides": {"worker": {"env": [{"name": "RANK", "value": "0"}]}}},
    ),
    Refused(
        "a variable has value and valueFrom",
        "spec.env[0]",
        "TOKEN has both value and valueFrom; keep one of them",
        {
            "env": [
                {"name": "TOKEN", "value": "x", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}},
            ]
        },
    ),
    Refused(
        "a variable has two sources",
        "spec.env[0].valueFrom",
        "give exactly one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef; there are 2",
        {
            "env": [
                {
                    "name": "TOKEN",
                    "valueFrom": {
                        "secretKeyRef": {"name": "token", "key": "token"},
                        "configMapKeyRef": {"name": "token", "key": "token"},
                    },
                }
            ]
        },
    ),
    Refused(
        "a variable has a source without a choice",
        "spec.env[0].valueFrom",
        "give exactly one of configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef; there are 0",
        {"env": [{"name": "TOKEN", "valueFrom": {}}]},
    ),
    Refused(
        "envFrom has a prefix alone",
        "spec.envFrom[0]",
        "give exactly one of configMapRef, secretRef; there are 0",
        {"envFrom": [{"prefix": "DB_"}]},
        in_atomic_list=True,
    ),
]

_PROGRAM = [
    Refused(
        "a command whose first word is empty",
        "spec.command",
        "the first word is empty; it must be the program",
        {"command": ["", "train.py"]},
    ),
    Refused(
        "a role's command whose first word is empty",
        "spec.overrides.worker.command",
        "the first word is empty; it must be the program",
        {"overrides": {"worker": {"command": [""]}}},
    ),
    Refused(
        "a working directory that is relative",
        "spec.workingDir",
        "app is a relative path; begin with /",
        {"workingDir": "app"},
    ),
]

_ACCELERATOR = "%s is asked for with spec.gpusPerWorker, so that the roles that need none get none; leave it out here"
_QUANTITY = "%s is no quantity; write one like 2, 500m or 4Gi"
_RESOURCE = "%s is no resource of a container; cpu, memory, ephemeral-storage are, and names with a domain"

_RESOURCES = [
    Refused(
        "an accelerator without a domain",
        "spec.accelerator",
        "gpu is no extended resource; write it with its domain, such as nvidia.com/gpu",
        {"accelerator": "gpu", "gpusPerWorker": 1},
    ),
    Refused("a size that is no quantity", "spec.shmSize", _QUANTITY % "8GB", {"shmSize": "8GB"}),
    Refused(
        "resources ask for GPUs",
        "spec.resources",
        _ACCELERATOR % "nvidia.com/gpu",
        {"resources": {"limits": {"nvidia.com/gpu": 1}}},
    ),
    *(
        Refused(
            f"resources of the role {role} ask for the accelerator of the job",
            f"spec.overrides.{role}.resources",
            _ACCELERATOR % "amd.com/gpu",
            {
                "accelerator": "amd.com/gpu",
                **(mpi() if role == "launcher" else {"parameterServer": {"chief": True, "evaluator": True}}),
                "overrides": {role: {"resources": {"requests": {"amd.com/gpu": "1"}}}},
            },
        )
        for role in ("chief", "worker", "ps", "evaluator", "launcher")
    ),
    Refused(
        "a request for a resource that containers do not have",
        "spec.resources.requests",
        _RESOURCE % "gpu",
        {"resources": {"requests": {"cpu": 1, "gpu": 1}}},
    ),
    Refused(
        "a limit of a resource that containers do not have",
        "spec.resources.limits",
        _RESOURCE % "Memory",
        {"resources": {"limits": {"Memory": "4Gi"}}},
    ),
]

_KEY = "%s cannot be a key; use letters, digits, '-', '_' and '.', at most 63, after an optional domain and '/'"

_METADATA = [
    Refused(
        "a pod label of the operator",
        "spec.podLabels",
        "trainingjob.dev/role is set by the operator; choose another key",
        {"podLabels": {"team": "vision", "trainingjob.dev/role": "worker"}},
    ),
    Refused(
        "a pod annotation of the operator",
        "spec.podAnnotations",
        "trainingjob.dev/spec-hash is set by the operator; choose another key",
        {"podAnnotations": {"trainingjob.dev/spec-hash": "x"}},
    ),
    Refused(
        "a pod annotation that names the default container",
        "spec.podAnnotations",
        "kubectl.kubernetes.io/default-container is set by the operator; choose another key",
        {"podAnnotations": {"kubectl.kubernetes.io/default-container": "other"}},
    ),
    Refused("a pod label with a blank", "spec.podLabels", _KEY % "my team", {"podLabels": {"my team": "vision"}}),
    Refused("a pod annotation with a blank", "spec.podAnnotations", _KEY % "a b", {"podAnnotations": {"a b": "c"}}),
    Refused("a node label with two slashes", "spec.nodeSelector", _KEY % "a/b/c", {"nodeSelector": {"a/b/c": "d"}}),
    Refused(
        "a node label of a role with a blank",
        "spec.overrides.worker.nodeSelector",
        _KEY % "a b",
        {"overrides": {"worker": {"nodeSelector": {"a b": "c"}}}},
    ),
]

_SCHEDULING = [
    Refused(
        "a toleration of Exists with a value",
        "spec.tolerations[0].value",
        "the operator Exists compares with no value; leave true out or use Equal",
        {"tolerations": [{"key": "gpu", "operator": "Exists", "value": "true"}]},
        in_atomic_list=True,
    ),
    Refused(
        "a toleration without a key",
        "spec.tolerations[0]",
        "a toleration without a key stands for every taint and needs the operator Exists",
        {"tolerations": [{"effect": "NoSchedule"}]},
        in_atomic_list=True,
    ),
    Refused(
        "a toleration for a time of a taint that does not evict",
        "spec.tolerations[0].tolerationSeconds",
        "only a taint with the effect NoExecute is tolerated for a time; set effect: NoExecute or leave it out",
        {"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 5}]},
        in_atomic_list=True,
    ),
    Refused(
        "a node affinity In without values",
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
        ".matchExpressions[0].values",
        "the operator In does not fit 0 values: In and NotIn take some, Gt and Lt one, Exists and DoesNotExist none",
        {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In"}]}]
                    }
                }
            }
        },
        in_atomic_list=True,
    ),
    Refused(
        "a spread that counts places without demanding them",
        "spec.topologySpread[0].minDomains",
        "only whenUnsatisfiable: DoNotSchedule counts places; set that or leave minDomains out",
        {
            "topologySpread": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2}
            ]
        },
    ),
    Refused(
        "root under the profile restricted",
        "spec.securityContext.runAsUser",
        "0 is root, which the profile restricted does not allow; choose another user or profile: baseline",
        {"securityContext": {"profile": "restricted", "runAsUser": 0}},
    ),
]


_SOURCES = "configMap, secret, emptyDir, persistentVolumeClaim, projected, downwardAPI, csi, ephemeral"
_SHM = f"{SHM_PATH} is there already, as memory; set spec.shmSize to bound it and leave this mount out"

_VOLUMES = [
    Refused(
        "a volume without a source",
        "spec.volumes[0]",
        f"give exactly one of {_SOURCES}; there are 0",
        {"volumes": [{"name": "data"}]},
    ),
    Refused(
        "a volume with two sources",
        "spec.volumes[0]",
        f"give exactly one of {_SOURCES}; there are 2",
        {"volumes": [{"name": "data", "emptyDir": {}, "configMap": {"name": "data"}}]},
    ),
    Refused(
        "a volume with a name of the operator's own",
        "spec.volumes[0].name",
        "trainingjob-shm is a name of the operator's own volumes; choose one that does not begin with trainingjob-",
        {"volumes": [{"name": "trainingjob-shm", "emptyDir": {}}]},
    ),
    Refused(
        "a projected source without a choice",
        "spec.volumes[0].projected.sources[0]",
        "give exactly one of configMap, secret, downwardAPI, serviceAccountToken; there are 0",
        {"volumes": [{"name": "data", "projected": {"sources": [{}]}}]},
        in_atomic_list=True,
    ),
    Refused(
        "a downward file with two fields",
        "spec.volumes[0].downwardAPI.items[0]",
        "give exactly one of fieldRef, resourceFieldRef; there are 2",
        {
            "volumes": [
                {
                    "name": "pod",
                    "downwardAPI": {
                        "items": [
                            {
                                "path": "memory",
                                "fieldRef": {"fieldPath": "metadata.name"},
                                "resourceFieldRef": {"resource": "limits.memory", "containerName": "main"},
                            }
                        ]
                    },
                }
            ]
        },
        in_atomic_list=True,
    ),
    Refused(
        "a downward file of no container",
        "spec.volumes[0].downwardAPI.items[0].resourceFieldRef",
        "a volume must say which container is meant; add containerName: main",
        {
            "volumes": [
                {
                    "name": "pod",
                    "downwardAPI": {
                        "items": [{"path": "memory", "resourceFieldRef": {"resource": "limits.memory"}}],
                    },
                }
            ]
        },
        in_atomic_list=True,
    ),
    Refused(
        "a mount of a volume that does not exist",
        "spec.volumeMounts",
        "model is no volume of this job; add it to spec.volumes or name one that is there",
        mounted(name="model"),
    ),
    Refused(
        "a mount without any volume",
        "spec.volumeMounts",
        "data is no volume of this job; add it to spec.volumes or name one that is there",
        {"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
    ),
    Refused(
        "a mount at a relative path",
        "spec.volumeMounts[0].mountPath",
        "data is no path of a container; it must begin with / and have no ':'",
        mounted(mountPath="data"),
    ),
    Refused("a mount over shared memory", "spec.volumeMounts[0].mountPath", _SHM, mounted(mountPath=SHM_PATH)),
    Refused(
        "a mount over shared memory, oddly written",
        "spec.volumeMounts[0].mountPath",
        _SHM,
        mounted(mountPath="/dev//shm/"),
    ),
    Refused(
        "a path that leaves the volume",
        "spec.volumeMounts[0].subPath",
        "a/../../b leaves the volume; it must not begin with / or contain ..",
        mounted(subPath="a/../../b"),
    ),
    Refused(
        "an absolute path within a volume",
        "spec.volumeMounts[0].subPath",
        "/a leaves the volume; it must not begin with / or contain ..",
        mounted(subPath="/a"),
    ),
    Refused(
        "two paths within a volume",
        "spec.volumeMounts[0].subPathExpr",
        "there is a subPath too; keep one of the two",
        mounted(subPath="a", subPathExpr="$(HOSTNAME)"),
    ),
]

_IMAGES = [
    Refused("no image", "spec", "give exactly one of image, framework; there are 0", {"image": None}),
    Refused(
        "an image and a framework",
        "spec",
        "give exactly one of image, framework; there are 2",
        {"image": "mnist", "framework": {"name": "pytorch"}},
    ),
]

REFUSED = [
    *_IMAGES,
    *_RESERVED,
    *_ENVIRONMENT,
    *REFUSED_STRATEGIES,
    *REFUSED_POLICIES,
    *REFUSED_GANGS,
    *REFUSED_SOURCES,
    *REFUSED_OUTPUTS,
    *REFUSED_TENSORBOARDS,
    *REFUSED_INPUTS,
    *REFUSED_ENVIRONMENTS,
    *_PROGRAM,
    *_RESOURCES,
    *_METADATA,
    *_SCHEDULING,
    *_VOLUMES,
    *REFUSED_NAMES,
]
