"""Jobs that keep what nobody could keep or find, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused
from tests.support.refused_sources import SCRIPTS
from tests.support.strategy_jobs import TRAIN

_NO_STORE = "%s is no address to write to; write it like s3://bucket/path, with s3, gs or az, or name a claim in pvc"
_NO_FOLDER = (
    "%s is no folder below the working directory; write it like outputs or runs/logs, in letters, digits, -, _ and ."
)
_TWICE = "%s stands twice among paths and stream, or lies in another folder of them; name each once"
_HIDDEN = "what is written to %s would not be kept by outputs; mount it elsewhere, or leave its folder out of outputs"
_ONE_STORE = "give exactly one of uri, pvc; there are %d"
_URI = "s3://bucket/runs"
_NO_PROGRAM: dict[str, dict[str, Any]] = {"an image's own program": {}, "no command": {"command": []}}


def keeping(**outputs: Any) -> dict[str, Any]:
    """Return the fields of a job that keeps what it writes to `/app`."""
    return {"workingDir": "/app", "outputs": {"uri": _URI, **outputs}}


def capturing(**spec: Any) -> dict[str, Any]:
    """Return the fields of a job that keeps what its program prints."""
    outputs = {"uri": _URI, "captureOutput": True, **spec.pop("outputs", {})}
    return {"workingDir": "/app", "command": TRAIN, **spec, "outputs": outputs}


def _mounted(path: str) -> dict[str, Any]:
    return {
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "volumeMounts": [{"name": "scratch", "mountPath": path}],
    }


REFUSED_OUTPUTS = [
    Refused(
        "a copy of what is printed without a folder for it",
        "spec.outputs.captureOutput",
        "what a program prints is kept in the first folder of stream, and there is none; name one",
        capturing(outputs={"stream": []}),
    ),
    *(
        Refused(
            f"a copy of what {words} prints",
            "spec.outputs.captureOutput",
            "nothing can be put in front of the image's own program; give the program in command, or in source and "
            "entrypoint",
            {**keeping(captureOutput=True), **spec},
        )
        for words, spec in _NO_PROGRAM.items()
    ),
    *(
        Refused(
            f"a copy of what an image's own program of the {role} prints",
            f"spec.overrides.{role}.command",
            "nothing can be put in front of the image's own program, as outputs.captureOutput wants it; give the "
            "program, or leave this out",
            {**capturing(), **strategy, "overrides": {role: {"command": []}}},
        )
        for role, strategy in (
            ("chief", {"parameterServer": {"chief": True}}),
            ("worker", {}),
            ("ps", {"parameterServer": {}}),
            ("evaluator", {"multiWorker": {"evaluator": True}}),
        )
    ),
    Refused(
        "a copy of what an MPI job prints on a launcher that keeps nothing",
        "spec.outputs.captureOutput",
        "what the ranks of an MPI job print is printed by its launcher, of which nothing is kept; set "
        "outputs.replicas: All or mpi.launcherRunsWorker: true",
        capturing(mpi={"nodes": 2}),
    ),
    Refused("outputs without a place", "spec.outputs", _ONE_STORE % 0, {"workingDir": "/app", "outputs": {}}),
    Refused("outputs with two places", "spec.outputs", _ONE_STORE % 2, keeping(pvc={"claimName": "runs"})),
    *(
        Refused(f"outputs at {uri}", "spec.outputs.uri", _NO_STORE % uri, keeping(uri=uri))
        for uri in ("https://example.com/runs", "file:///runs", "bucket/runs", "s3://key:word@bucket", "s3://b/r?x=1")
    ),
    Refused(
        "outputs outside of the claim",
        "spec.outputs.pvc.path",
        "../b leaves the claim; it must not begin with / or contain ..",
        {"workingDir": "/app", "outputs": {"pvc": {"claimName": "runs", "path": "../b"}}},
    ),
    Refused(
        "credentials of a claim",
        "spec.outputs.secretRef",
        "a claim is mounted without credentials; leave s3 out",
        {"workingDir": "/app", "outputs": {"pvc": {"claimName": "runs"}, "secretRef": {"name": "s3"}}},
    ),
    *(
        Refused(f"the kept folder {path}", f"spec.outputs.{field}", _NO_FOLDER % path, keeping(**{field: [path]}))
        for field, path in (
            ("paths", "/outputs"),
            ("paths", "../outputs"),
            ("paths", "a/../b"),
            ("paths", "."),
            ("stream", "logs/"),
            ("stream", "my logs"),
            ("stream", "-l"),
        )
    ),
    Refused("a folder in another one", "spec.outputs", _TWICE % "outputs/logs", keeping(stream=["outputs/logs"])),
    Refused("a folder around another one", "spec.outputs", _TWICE % "a/b", keeping(paths=["a/b", "a"])),
    Refused("a folder twice", "spec.outputs", _TWICE % "outputs", keeping(stream=["outputs"])),
    Refused("a folder twice in one list", "spec.outputs", _TWICE % "a", keeping(paths=["b", "a", "a"])),
    Refused(
        "no folder",
        "spec.outputs",
        "neither paths nor stream names a folder, so that nothing would be kept; name one or leave outputs out",
        keeping(paths=[], stream=[]),
    ),
    Refused(
        "outputs of an unknown working directory",
        "spec.workingDir",
        "the folders of outputs are those of the working directory, which the operator does not know without source; "
        "give it",
        {"outputs": {"uri": _URI}},
    ),
    *(
        Refused(
            f"a volume at {path}, of which nothing would be kept",
            "spec.volumeMounts",
            _HIDDEN % "scratch",
            {**_mounted(path), **spec},
        )
        for path, spec in (
            ("/app/outputs", keeping()),
            ("/app/logs/tensorboard", keeping()),
            ("/workspace/runs", {**SCRIPTS, "outputs": {"uri": _URI, "paths": ["runs/a"]}}),
            ("/workspace/logs", {**SCRIPTS, "outputs": {"uri": _URI}}),
        )
    ),
    *(
        Refused(
            f"a volume at {path}",
            "spec.volumeMounts",
            "/trainingjob is a folder of the operator's; mount scratch elsewhere",
            {**_mounted(path), **keeping()},
        )
        for path in ("/trainingjob", "//trainingjob/state")
    ),
]
