"""Jobs that bring code, data and packages and keep what they write, and break no rule."""

from tests.support.job_cases import Accepted
from tests.support.refused_environments import installing
from tests.support.refused_inputs import reading, resuming
from tests.support.refused_outputs import capturing, keeping
from tests.support.refused_sources import SCRIPTS, git
from tests.support.refused_tensorboards import shown

_ARCHIVE = "https://example.com/code.tar.gz?version=3"

ACCEPTED_CODE_JOBS = [
    Accepted("a framework by its name", {"image": None, "framework": {"name": "scikit-learn"}}),
    Accepted("a framework in a version", {"image": None, "framework": {"name": "pytorch", "version": "2.5.1-a_b"}}),
    Accepted("a script of a ConfigMap", {**SCRIPTS, "entrypoint": "train.py"}),
    Accepted("a script in a folder", {**git(), "entrypoint": "./a b/run.sh", "args": ["--epochs", "3"]}),
    Accepted("a module of a source", {**git(ref="feature/x-1", path="src"), "entrypoint": "-m trainer.task"}),
    Accepted("a source for a command", {**git(url="ssh://git@example.com:2222/code.git"), "command": ["./run"]}),
    Accepted("a source by ssh in git's short form", {**git(url="git@example.com:team/code.git"), "command": ["./run"]}),
    Accepted("a source for an image's own program", {"source": {"archive": {"uri": _ARCHIVE, "sha256": "a" * 64}}}),
    Accepted("a part of a claim as source", {"source": {"pvc": {"claimName": "code", "path": "v..1/mnist"}}}),
    Accepted("an entrypoint under mpirun", {**git(), "entrypoint": "train.py", "mpi": {"args": ["-v"]}}),
    Accepted("an entrypoint under torchrun", {**git(), "entrypoint": "-m train", "torch": {"processesPerNode": 2}}),
    Accepted(
        "a role with a command of its own beside an entrypoint",
        {**git(), "entrypoint": "train.py", "overrides": {"worker": {"command": ["python", "other.py"]}}},
    ),
    Accepted("outputs in a bucket", keeping()),
    Accepted("outputs in a whole bucket", keeping(uri="gs://bucket")),
    Accepted(
        "outputs in a claim", {"workingDir": "/", "outputs": {"pvc": {"claimName": "runs"}, "paths": ["a.b/c_d"]}}
    ),
    Accepted("folders with a common beginning", keeping(paths=["a", "ab", "a.b"], stream=["a-b"])),
    Accepted("what is kept at the end alone", keeping(stream=[])),
    Accepted("what is streamed alone", keeping(paths=[])),
    Accepted("a copy of what a command prints", capturing(parameterServer={})),
    Accepted(
        "a copy of what an entrypoint prints",
        {
            **SCRIPTS,
            "entrypoint": "train.py",
            "outputs": {"uri": "s3://bucket", "captureOutput": True, "replicas": "All"},
        },
    ),
    Accepted("a copy of what a launcher prints that runs ranks", capturing(mpi={"launcherRunsWorker": True})),
    Accepted("copies of what all print", capturing(mpi={"nodes": 2}, outputs={"replicas": "All"})),
    Accepted("no copy of what an image's own program prints", keeping(captureOutput=False)),
    Accepted("a TensorBoard", shown()),
    Accepted("a TensorBoard of a job with the longest name", shown(ttlSeconds=0), "a" * 51),
    Accepted("no TensorBoard, which needs nothing", {"tensorboard": {"enabled": False}}, "a" * 54),
    Accepted("outputs of a source", {**SCRIPTS, "outputs": {"uri": "az://container/runs"}}),
    Accepted(
        "volumes beside what is kept",
        {
            **keeping(),
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [
                {"name": "scratch", "mountPath": path} for path in ("/app", "/app/outputs-old", "/workspace")
            ],
        },
    ),
    Accepted("a download of a folder", reading(uri="s3://bucket/digits/", secretRef={"name": "s3"}, path="/data")),
    Accepted("a download of a file that is checked", reading(uri="https://example.com/a.csv?x=1", sha256="a" * 64)),
    Accepted("a claim that is mounted", reading(pvc={"claimName": "digits", "path": "v..1"}, mode="mount")),
    Accepted("a driver's volume by its name alone", reading(csi={"driver": "bucket.csi.example.com"})),
    Accepted(
        "a driver's volume with all that it asks for",
        reading(
            csi={
                "driver": "bucket.csi.example.com",
                "fsType": "fuse",
                "volumeAttributes": {"bucketName": "digits"},
                "nodePublishSecretRef": {"name": "s3"},
            },
            mode="mount",
            path="/data",
        ),
    ),
    Accepted("a claim that is copied", reading(pvc={"claimName": "digits"}, mode="download", sha256="a" * 64)),
    Accepted(
        "inputs and volumes beside one another",
        {
            "inputs": [
                {"name": "a", "uri": "s3://b/k", "path": "/data/a"},
                {"name": "a-b", "pvc": {"claimName": "digits"}, "path": "/data/a-b"},
                {"name": "b", "uri": "gs://b/k"},
            ],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/data/a.b"}],
        },
    ),
    Accepted("a variable that names an input where there is none", {"env": [{"name": "INPUT_TRAIN", "value": "/a"}]}),
    Accepted("going on from an artifact in a bucket", resuming(uri="s3://bucket/runs/team/mnist/1/0/worker-0")),
    Accepted("going on from an artifact in a claim", resuming(uri="pvc://team/runs/team/mnist/1/0/worker-0.1")),
    Accepted(
        "going on from a job",
        {**keeping(restore=True, secretRef={"name": "s3"}), **resuming(job={"name": "mnist-1", "uid": "1-2"})},
    ),
    Accepted("packages for a command", installing("scikit-learn", "pandas[sql]>=2; python_version < '3.13'")),
    Accepted(
        "packages of a list for an entrypoint",
        {**SCRIPTS, "entrypoint": "train.py", "environment": {"pipFile": "a/requirements.txt"}},
    ),
    Accepted(
        "packages of conda for a command",
        {
            "command": ["python", "train.py"],
            "environment": {
                "conda": ["numpy>=1.26", "conda-forge/label/dev::onnx", "blas=*=openblas", "python [version='>=3.11']"],
                "channels": ["conda-forge", "conda-forge/label/dev", "https://conda.example.com:8080/a/b"],
            },
        },
    ),
    Accepted(
        "packages of conda's list and pip's index for an entrypoint",
        {
            **SCRIPTS,
            "entrypoint": "train.py",
            "environment": {"condaFile": "a/environment.yml", "indexUrl": "https://pypi.example.com/simple"},
        },
    ),
    Accepted("packages of conda and of pip", installing(conda=["python=3.11"], secretRef={"name": "packages"})),
    Accepted(
        "packages of a private index that stay",
        installing(
            indexUrl="https://pypi.example.com/simple", secretRef={"name": "pypi"}, cache={"claimName": "packages"}
        ),
    ),
]
