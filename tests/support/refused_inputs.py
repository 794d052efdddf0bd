"""Jobs whose data nobody could find or put in its place, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused
from tests.support.refused_outputs import keeping
from tests.support.strategy_jobs import mpi
from trainingjob.api.constants import SHM_PATH

_NO_URI = (
    "%s is no address to read from; write it like s3://bucket/key, with s3, gs, az, https or http, without a password"
)
_NO_ARTIFACT = (
    "%s is no address of an artifact; write it as status.artifacts has it: s3://bucket/…, with s3, gs, az or pvc"
)
_NO_FOLDER = "%s is no folder of a container; write it like /data/train"
_SYSTEM = "%s is a folder of the operator's or of the system's; choose another one, such as /data"
_NO_VARIABLE = "%s would be the name of an input; choose one that does not begin with INPUT_"
_CLAIM = {"claimName": "digits"}
_DRIVER = {"driver": "bucket.csi.example.com"}
_EARLIER = {"name": "mnist-1", "uid": "11111111-2222-4333-8444-666666666666"}


def reading(**item: Any) -> dict[str, Any]:
    """Return the fields of a job with one input."""
    return {"inputs": [{"name": "train", **item}]}


def resuming(**resume: Any) -> dict[str, Any]:
    """Return the fields of a job that goes on from an artifact."""
    return {"resumeFrom": resume}


_INPUTS = [
    Refused(
        "an input from nowhere",
        "spec.inputs[0]",
        "give exactly one of uri, pvc, csi; there are 0",
        reading(path="/data", mode="mount"),
    ),
    Refused(
        "an input from two places",
        "spec.inputs[0]",
        "give exactly one of uri, pvc, csi; there are 2",
        reading(uri="s3://b/k", pvc=_CLAIM),
    ),
    Refused(
        "an input from a claim and a driver",
        "spec.inputs[0]",
        "give exactly one of uri, pvc, csi; there are 2",
        reading(pvc=_CLAIM, csi=_DRIVER),
    ),
    *(
        Refused(f"an input at {uri}", "spec.inputs[0].uri", _NO_URI % uri, reading(uri=uri))
        for uri in ("hdfs://a/b", "/data", "s3://key:word@bucket/k", "https://user:word@example.com/a.csv", "https://a")
    ),
    Refused(
        "an address that is to be mounted",
        "spec.inputs[0].mode",
        "an address cannot be mounted; give pvc or csi for train, or mode: download",
        reading(uri="s3://b/k", mode="mount"),
    ),
    Refused(
        "a driver's volume that is to be copied",
        "spec.inputs[0].mode",
        "the CSI volume of train can be mounted and not copied; set mode: mount, or leave it out",
        reading(csi=_DRIVER, mode="download"),
    ),
    Refused(
        "a digest of what a driver gives",
        "spec.inputs[0].sha256",
        "train is mounted, and nobody reads it before the program does; leave this out",
        reading(csi=_DRIVER, sha256="a" * 64),
    ),
    Refused(
        "credentials of a store for a driver",
        "spec.inputs[0].secretRef",
        "a CSI driver gets its credentials by csi.nodePublishSecretRef; move s3 there",
        reading(csi=_DRIVER, secretRef={"name": "s3"}),
    ),
    Refused(
        "a digest of what is mounted",
        "spec.inputs[0].sha256",
        "train is mounted, and nobody reads it before the program does; leave this out, or set mode: download",
        reading(pvc=_CLAIM, sha256="a" * 64),
    ),
    Refused(
        "credentials of a claim with data",
        "spec.inputs[0].secretRef",
        "a claim is mounted without credentials; leave s3 out",
        reading(pvc=_CLAIM, secretRef={"name": "s3"}),
    ),
    Refused(
        "data outside of the claim",
        "spec.inputs[0].pvc.path",
        "a/../.. leaves the claim; it must not begin with / or contain ..",
        reading(pvc={**_CLAIM, "path": "a/../.."}),
    ),
    *(
        Refused(f"an input in {path}", "spec.inputs[0].path", _NO_FOLDER % path, reading(pvc=_CLAIM, path=path))
        for path in ("data", "/", "/data/", "/data//train", "/data/../etc", "/a:b", "/my data")
    ),
    *(
        Refused(f"an input in {path}", "spec.inputs[0].path", _SYSTEM % path, reading(pvc=_CLAIM, path=path))
        for path in ("/workspace", "/workspace/data", "/trainingjob/inputs", SHM_PATH, "/proc")
    ),
    *(
        Refused(
            f"an input in {path} and a volume in {mount}",
            "spec.inputs",
            "the path of train lies in, or around, one of volumeMounts; choose another one",
            {
                **reading(uri="s3://b/k", path=path),
                "volumes": [{"name": "scratch", "emptyDir": {}}],
                "volumeMounts": [{"name": "scratch", "mountPath": mount}],
            },
        )
        for path, mount in (("/data", "/data"), ("/data/train", "/data"), ("/data", "/data/train"))
    ),
    *(
        Refused(
            f"inputs in {path} and {other}",
            "spec.inputs",
            "the path of a lies in, or around, that of another input; choose another one",
            {
                "inputs": [
                    {"name": "a", "uri": "s3://b/k", "path": path},
                    {"name": "b", "pvc": _CLAIM, "path": other},
                ]
            },
        )
        for path, other in (("/data", "/data"), ("/data/a", "/data"))
    ),
    Refused(
        "a variable with the name of an input",
        "spec.env",
        _NO_VARIABLE % "INPUT_TRAIN",
        {**reading(pvc=_CLAIM), "env": [{"name": "A"}, {"name": "INPUT_TRAIN", "value": "/data"}]},
    ),
    *(
        Refused(
            f"a variable of the {role} with such a name",
            f"spec.overrides.{role}.env",
            _NO_VARIABLE % "INPUT_X",
            {**reading(pvc=_CLAIM), **strategy, "overrides": {role: {"env": [{"name": "INPUT_X"}]}}},
        )
        for role, strategy in (
            ("chief", {"parameterServer": {"chief": True}}),
            ("worker", {}),
            ("ps", {"parameterServer": {}}),
            ("evaluator", {"multiWorker": {"evaluator": True}}),
            ("launcher", mpi()),
        )
    ),
]

_RESUME = [
    Refused("going on from nowhere", "spec.resumeFrom", "give exactly one of uri, job; there are 0", resuming()),
    Refused(
        "going on from two places",
        "spec.resumeFrom",
        "give exactly one of uri, job; there are 2",
        {**keeping(), **resuming(uri="s3://b/k", job=_EARLIER)},
    ),
    *(
        Refused(f"going on from {uri}", "spec.resumeFrom.uri", _NO_ARTIFACT % uri, resuming(uri=uri))
        for uri in ("https://example.com/a", "pvc://runs/a", "file:///a", "mnist-1")
    ),
    Refused(
        "going on from a job without a store",
        "spec.resumeFrom.job",
        "the artifact of mnist-1 is looked for where outputs are kept, and there are none; give outputs, or uri "
        "instead",
        resuming(job=_EARLIER),
    ),
    Refused(
        "credentials of a claim with an artifact",
        "spec.resumeFrom.secretRef",
        "a claim is mounted without credentials; leave s3 out",
        resuming(uri="pvc://team/runs/a", secretRef={"name": "s3"}),
    ),
    Refused(
        "two Secrets for what is restored",
        "spec.resumeFrom.secretRef",
        "other is another Secret than that of outputs, and with outputs.restore both are read with one; use the same",
        {**keeping(restore=True, secretRef={"name": "s3"}), **resuming(uri="s3://b/k", secretRef={"name": "other"})},
    ),
]

REFUSED_INPUTS = [*_INPUTS, *_RESUME]
