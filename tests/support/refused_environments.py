"""Jobs whose packages nobody could install, or whose program could not see them, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused
from tests.support.refused_sources import SCRIPTS
from tests.support.strategy_jobs import TRAIN

_NO_REQUIREMENT = "%s is no requirement; write it like scikit-learn or pandas>=2, and options of pip into a pipFile"
_NO_INDEX = (
    "%s is no address of an index; write it like https://pypi.example.com/simple, and a user and password into the "
    "Secret"
)
_EMPTY: dict[str, dict[str, Any]] = {"nothing": {}, "no packages": {"pip": []}, "no packages of conda": {"conda": []}}
_NO_CHANNEL = "%s is no channel; write it like conda-forge or https://conda.example.com/ours"
_ELSEWHERE = (
    "with a user, password, token, ? or # in its address; that belongs into the key channels of the Secret that "
    "secretRef names"
)
_NO_PROGRAM: dict[str, dict[str, Any]] = {"an image's own program": {}, "no command": {"command": []}}


def installing(*pip: str, **environment: Any) -> dict[str, Any]:
    """Return the fields of a job that installs packages for its command."""
    return {"command": TRAIN, "environment": {"pip": list(pip) or ["pandas"], **environment}}


def with_conda(*packages: str, **environment: Any) -> dict[str, Any]:
    """Return the fields of a job that installs packages of conda for its command."""
    return {"command": TRAIN, "environment": {"conda": list(packages) or ["numpy"], **environment}}


REFUSED_ENVIRONMENTS = [
    *(
        Refused(
            f"an environment with {words}",
            "spec.environment",
            "there is nothing to install; give pip, pipFile, conda or condaFile, or leave environment out",
            {"command": TRAIN, "environment": environment},
        )
        for words, environment in _EMPTY.items()
    ),
    *(
        Refused(f"the package {name!r}", "spec.environment.pip", _NO_REQUIREMENT % name, installing("pandas", name))
        for name in ("--index-url=https://example.com", "-r x")
    ),
    *(
        Refused(
            f"the package {name!r} of conda",
            "spec.environment.conda",
            f"{name} is no package of conda; write it like numpy>=1.26 or conda-forge::onnx",
            with_conda("numpy", name),
        )
        for name in ("--file=x", "-n base")
    ),
    *(
        Refused(
            f"the package {name} of conda",
            "spec.environment.conda",
            f"a package names a channel {_ELSEWHERE}",
            with_conda("zlib", name),
        )
        for name in (
            "https://user:word@conda.example.com/ours::numpy",
            "https://conda.example.com/t/word/ours::numpy",
            "numpy[channel='https://user:word@conda.example.com/ours']",
            "https://conda.example.com/ours?token=word::numpy",
        )
    ),
    *(
        Refused(f"the channel {name}", "spec.environment.channels", _NO_CHANNEL % name, with_conda(channels=[name]))
        for name in ("file:///channel", "--help", "a b")
    ),
    *(
        Refused(
            f"the channel {name}",
            "spec.environment.channels",
            f"there is a channel {_ELSEWHERE}",
            with_conda(channels=["conda-forge", name]),
        )
        for name in (
            "https://user:word@conda.example.com/ours",
            "https://conda.example.com/t/word/ours",
            "https://conda.example.com/ours?token=word",
        )
    ),
    Refused(
        "channels without packages of conda",
        "spec.environment.channels",
        "only conda looks there; give conda or condaFile, or leave it out",
        installing(channels=["conda-forge"]),
    ),
    Refused(
        "an index without packages of pip",
        "spec.environment.indexUrl",
        "only pip looks there; name where conda looks in channels",
        with_conda(indexUrl="https://pypi.example.com/simple"),
    ),
    Refused(
        "a list of conda's outside of the source",
        "spec.environment.condaFile",
        "../environment.yml leaves the source; it must not begin with / or contain ..",
        {**SCRIPTS, **with_conda(condaFile="../environment.yml")},
    ),
    Refused(
        "a list of conda's without a source",
        "spec.environment.condaFile",
        "environment.yml is a file of source, and there is no source; give it, or list the packages in conda",
        with_conda(condaFile="environment.yml"),
    ),
    Refused(
        "packages of conda for an image's own program",
        "spec.environment",
        "the image's own program cannot be put into it; give the program in command, or in source and entrypoint",
        {"environment": {"conda": ["numpy"]}},
    ),
    Refused(
        "a list of packages outside of the source",
        "spec.environment.pipFile",
        "/requirements.txt leaves the source; it must not begin with / or contain ..",
        {**SCRIPTS, **installing(pipFile="/requirements.txt")},
    ),
    Refused(
        "a list of packages without a source",
        "spec.environment.pipFile",
        "requirements.txt is a file of source, and there is no source; give it, or list the packages in pip",
        installing(pipFile="requirements.txt"),
    ),
    *(
        Refused(f"the index {url}", "spec.environment.indexUrl", _NO_INDEX % url, installing(indexUrl=url))
        for url in ("pypi.example.com/simple", "https://user:word@pypi.example.com/simple", "file:///packages")
    ),
    *(
        Refused(
            f"packages for {words}",
            "spec.environment",
            "the image's own program cannot be put into it; give the program in command, or in source and entrypoint",
            {"environment": {"pip": ["pandas"]}, **spec},
        )
        for words, spec in _NO_PROGRAM.items()
    ),
    *(
        Refused(
            f"packages for an image's own program of the {role}",
            f"spec.overrides.{role}.command",
            "the image's own program cannot be put into the environment; give the program, or leave this out",
            {**installing(), **strategy, "overrides": {role: {"command": []}}},
        )
        for role, strategy in (
            ("chief", {"parameterServer": {"chief": True}}),
            ("worker", {}),
            ("ps", {"parameterServer": {}}),
            ("evaluator", {"multiWorker": {"evaluator": True}}),
        )
    ),
]
