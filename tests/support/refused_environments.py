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
_EMPTY: dict[str, dict[str, Any]] = {"nothing": {}, "no packages": {"pip": []}}
_NO_PROGRAM: dict[str, dict[str, Any]] = {"an image's own program": {}, "no command": {"command": []}}


def installing(*pip: str, **environment: Any) -> dict[str, Any]:
    """Return the fields of a job that installs packages for its command."""
    return {"command": TRAIN, "environment": {"pip": list(pip) or ["pandas"], **environment}}


REFUSED_ENVIRONMENTS = [
    *(
        Refused(
            f"an environment with {words}",
            "spec.environment",
            "there is nothing to install; give pip or pipFile, or leave environment out",
            {"command": TRAIN, "environment": environment},
        )
        for words, environment in _EMPTY.items()
    ),
    *(
        Refused(f"the package {name!r}", "spec.environment.pip", _NO_REQUIREMENT % name, installing("pandas", name))
        for name in ("--index-url=https://example.com", "-r x")
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
