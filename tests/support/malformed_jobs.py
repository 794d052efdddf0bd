"""Jobs in which one field has a form that the schema does not know."""

from tests.support.job_cases import Malformed
from tests.support.strategy_jobs import policy

_RULE = "spec.failurePolicy.rules[0]"

MALFORMED = [
    Malformed("a framework in capitals", "spec.framework.name", {"image": None, "framework": {"name": "PyTorch"}}),
    Malformed(
        "a version that is a number",
        "spec.framework.version",
        {"image": None, "framework": {"name": "a", "version": 2.5}},
        incomparable=True,
    ),
    Malformed("an image with a blank", "spec.image", {"image": "my image"}),
    Malformed(
        "a digest in capitals",
        "spec.source.archive.sha256",
        {"source": {"archive": {"uri": "s3://bucket/code.tgz", "sha256": "A" * 64}}},
    ),
    *(
        Malformed(f"{name} as the name of an input", "spec.inputs[0].name", {"inputs": [{"name": name}]})
        for name in ("Train", "a_b", "1", "a" * 31)
    ),
    Malformed(
        "two inputs of one name",
        "spec.inputs",
        {"inputs": [{"name": "train", "uri": "s3://b/1"}, {"name": "train", "uri": "s3://b/2"}]},
        incomparable=True,
    ),
    Malformed(
        "a driver without a name", "spec.inputs[0].csi.driver", {"inputs": [{"name": "a", "csi": {"fsType": "fuse"}}]}
    ),
    Malformed(
        "a driver's volume to be written",
        "spec.inputs[0].csi.readOnly",
        {"inputs": [{"name": "a", "csi": {"driver": "b.example.com", "readOnly": False}}]},
    ),
    Malformed("an input by another way", "spec.inputs[0].mode", {"inputs": [{"name": "a", "mode": "copy"}]}),
    Malformed("outputs at no interval", "spec.outputs.interval", {"outputs": {"uri": "s3://b", "interval": 0}}),
    Malformed(
        "a TensorBoard for less than no time", "spec.tensorboard.ttlSeconds", {"tensorboard": {"ttlSeconds": -1}}
    ),
    Malformed("a job without its uid", "spec.resumeFrom.job.uid", {"resumeFrom": {"job": {"name": "mnist"}}}),
    Malformed("a command that is no list", "spec.command", {"command": "python train.py"}, incomparable=True),
    Malformed("no worker", "spec.parameterServer.workers", {"parameterServer": {"workers": 0}}),
    Malformed("more workers than any job has", "spec.multiWorker.workers", {"multiWorker": {"workers": 10_001}}),
    Malformed("no node", "spec.mpi.nodes", {"mpi": {"nodes": 0}, "command": ["train"]}),
    Malformed(
        "no process on a node",
        "spec.mpi.processesPerNode",
        {"mpi": {"processesPerNode": 0}, "command": ["train"]},
    ),
    Malformed(
        "more processes than any node runs",
        "spec.torch.processesPerNode",
        {"torch": {"processesPerNode": 1025}, "command": ["train"]},
    ),
    Malformed(
        "an MPI that nobody knows",
        "spec.mpi.implementation",
        {"mpi": {"implementation": "OpenMPI5"}, "command": ["train"]},
    ),
    *(
        Malformed(
            f"{network} as a network interface",
            "spec.mpi.networkInterface",
            {"mpi": {"networkInterface": network}, "command": ["train"]},
        )
        for network in ("eth0,eth1", "eth0@if5", "10.0.0.0/8", "an-interface-too-long")
    ),
    Malformed("a backend in capitals", "spec.torch.backend", {"torch": {"backend": "NCCL"}}),
    Malformed(
        "a bound alone",
        "spec.torch.elastic.maxNodes",
        {"torch": {"elastic": {"minNodes": 1}}, "command": ["train"]},
    ),
    Malformed("half a GPU", "spec.gpusPerWorker", {"gpusPerWorker": 0.5}, incomparable=True),
    Malformed("a request below zero", "spec.resources.requests", {"resources": {"requests": {"cpu": "-1"}}}),
    Malformed("a negative size", "spec.shmSize", {"shmSize": "-1Gi"}),
    Malformed("a size in words", "spec.shmSize", {"shmSize": "much"}),
    Malformed(
        "a memory limit in bytes as people write them",
        "spec.resources.limits",
        {"resources": {"limits": {"memory": "8GB"}}},
    ),
    Malformed("a clean-up that does not exist", "spec.cleanPodPolicy", {"cleanPodPolicy": "Never"}),
    Malformed("a variable's name with a blank", "spec.env[0].name", {"env": [{"name": "MY VAR", "value": "x"}]}),
    Malformed(
        "the same variable twice",
        "spec.env",
        {"env": [{"name": "SEED", "value": "1"}, {"name": "SEED", "value": "2"}]},
        incomparable=True,
    ),
    Malformed(
        "two mounts of one path",
        "spec.volumeMounts",
        {
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}],
            "volumeMounts": [{"name": "a", "mountPath": "/data"}, {"name": "b", "mountPath": "/data"}],
        },
        incomparable=True,
    ),
    Malformed("a label's value with a blank", "spec.podLabels", {"podLabels": {"team": "computer vision"}}),
    *(
        Malformed(f"{field} below {least}", f"spec.{field}", {field: least - 1})
        for field, least in (
            ("maxRestarts", 0),
            ("maxDisruptions", 0),
            ("activeDeadlineSeconds", 1),
            ("pendingDeadlineSeconds", 1),
            ("podTTLSeconds", 0),
            ("ttlSecondsAfterFinished", 0),
        )
    ),
    Malformed("a controller with a long name", "spec.managedBy", {"managedBy": "example.com/" + "a" * 52}),
    Malformed("an answer to a lost node that does not exist", "spec.onNodeLost", {"onNodeLost": "Delete"}),
    Malformed("a failure policy without rules", "spec.failurePolicy.rules", {"failurePolicy": {}}),
    Malformed("an action that does not exist", f"{_RULE}.action", policy("Retry", onReason=["Evicted"])),
    Malformed("a rule for no role", f"{_RULE}.roles", policy("FailJob", onReason=["Evicted"], roles=[])),
    Malformed(
        "a rule for a role that nothing plays",
        f"{_RULE}.roles[0]",
        policy("FailJob", onReason=["Evicted"], roles=["master"]),
    ),
    Malformed("a rule on no reason", f"{_RULE}.onReason", policy("FailJob", onReason=[])),
    *(
        Malformed(
            f"an exit code {code}",
            f"{_RULE}.onExitCodes.values[0]",
            policy("FailJob", onExitCodes={"operator": "In", "values": [code]}),
        )
        for code in (0, 256)
    ),
    Malformed(
        "half a range of exit codes",
        f"{_RULE}.onExitCodes.ranges[0].to",
        policy("FailJob", onExitCodes={"operator": "In", "ranges": [{"from": 1}]}),
    ),
    Malformed(
        "a status that no condition has",
        f"{_RULE}.onPodConditions[0].status",
        policy("FailJob", onPodConditions=[{"type": "DisruptionTarget", "status": "Yes"}]),
    ),
]
