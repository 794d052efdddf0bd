"""Jobs whose source or entrypoint cannot be fetched or run, with what the user reads."""

from typing import Any

from tests.support.job_cases import Refused

_NO_URL = (
    "%s is no address of a repository; write it like https://example.com/team/code.git or "
    "git@example.com:team/code.git, and a password into the Secret"
)
_NO_REF = "%s cannot be a branch, tag or commit; write it like main, v1.2 or a commit's hexadecimal digits"
_NO_URI = (
    "%s is no address to read from; write it like s3://bucket/key, with s3, gs, az, https or http, without a password"
)
_NOT_RUNNABLE = "%s is nothing that can be run; write a file that ends in .py or .sh, or -m package.module"
_LEAVES = "%s leaves %s; it must not begin with / or contain .."
_ONE_SOURCE = "give exactly one of git, archive, configMap, pvc; there are %d"

SCRIPTS: dict[str, Any] = {"source": {"configMap": {"name": "scripts"}}}
"""The fields of a job whose source is a ConfigMap."""


def git(**fields: Any) -> dict[str, Any]:
    """Return the fields of a job whose source is a git repository."""
    return {"source": {"git": {"url": "https://git.example.com/code.git", **fields}}}


REFUSED_SOURCES = [
    Refused("a source of no kind", "spec.source", _ONE_SOURCE % 0, {"source": {}}),
    Refused(
        "two kinds of source",
        "spec.source",
        _ONE_SOURCE % 2,
        {"source": {"configMap": {"name": "a"}, "pvc": {"claimName": "b"}}},
    ),
    *(
        Refused(f"{url} as a repository", "spec.source.git.url", _NO_URL % url, git(url=url))
        for url in (
            "git.example.com/code",
            "user:word@example.com:code.git",
            "file:///code",
            "ext::sh -c x",
            "https://user:word@example.com/code.git",
            "ssh://git:word@example.com/code.git",
            "--upload-pack=x",
        )
    ),
    *(
        Refused(f"{ref} as a ref", "spec.source.git.ref", _NO_REF % ref, git(ref=ref))
        for ref in ("-b", "a..b", "main branch", "HEAD~1", "refs/")
    ),
    Refused(
        "a folder outside of the repository",
        "spec.source.git.path",
        _LEAVES % ("a/../../b", "the repository"),
        git(path="a/../../b"),
    ),
    *(
        Refused(f"an archive at {uri}", "spec.source.archive.uri", _NO_URI % uri, {"source": {"archive": {"uri": uri}}})
        for uri in ("ftp://example.com/a.tgz", "s3:/bucket/a.tgz", "a.tgz", "https://u:p@example.com/a.tgz")
    ),
    Refused(
        "a file outside of the source",
        "spec.source.configMap.items",
        _LEAVES % ("../train.py", "/workspace"),
        {"source": {"configMap": {"name": "a", "items": [{"key": "train.py", "path": "../train.py"}]}}},
    ),
    Refused(
        "a folder outside of the claim",
        "spec.source.pvc.path",
        _LEAVES % ("/code", "the claim"),
        {"source": {"pvc": {"claimName": "a", "path": "/code"}}},
    ),
    Refused(
        "an entrypoint without a source",
        "spec.entrypoint",
        "train.py is a file of source, and there is no source; give it, or the program in command",
        {"entrypoint": "train.py"},
    ),
    Refused(
        "an entrypoint and a command",
        "spec.entrypoint",
        "there is a command besides train.py; keep one of the two",
        {**SCRIPTS, "entrypoint": "train.py", "command": ["python", "train.py"]},
    ),
    *(
        Refused(
            f"the entrypoint {path}",
            "spec.entrypoint",
            _LEAVES % (path, "the source"),
            {**SCRIPTS, "entrypoint": path},
        )
        for path in ("/train.py", "../train.py", "a/../../train.py")
    ),
    *(
        Refused(f"the entrypoint {name}", "spec.entrypoint", _NOT_RUNNABLE % name, {**SCRIPTS, "entrypoint": name})
        for name in ("train", "train.pyc", "-m", "-m train.py/x", "-c.py", "-m a b", ".py", "train.py --epochs 3")
    ),
    Refused(
        "a working directory besides that of the source",
        "spec.workingDir",
        "with source the program starts in /workspace, and not in /app; leave it out",
        {**SCRIPTS, "workingDir": "/app"},
    ),
    *(
        Refused(
            f"a volume at {path} instead of the source",
            "spec.volumeMounts",
            "/workspace is where source stands; mount scratch elsewhere",
            {
                **SCRIPTS,
                "volumes": [{"name": "scratch", "emptyDir": {}}],
                "volumeMounts": [{"name": "scratch", "mountPath": path}],
            },
        )
        for path in ("/workspace", "//workspace/")
    ),
]
