"""Jobs whose name cannot be the host name of one of their pods, and names that are no controller's."""

from tests.support.job_cases import Refused

_LETTERS = "begin with a letter and use only small letters, digits and '-', the last not '-'"

_CONTROLLERS = [
    Refused(
        f"'{name}' as a controller",
        "spec.managedBy",
        f"'{name}' is no controller; give a name with a domain, such as example.com/controller",
        {"managedBy": name},
    )
    for name in ("", "kueue", "/kueue", "Example.com/kueue", "example.com/", "example.com/a b")
]

_HOSTS = [
    Refused("a name with a dot", "metadata.name", f"mnist.v2 cannot be a host name; {_LETTERS}", name="mnist.v2"),
    Refused("a name that begins with a digit", "metadata.name", f"2nd cannot be a host name; {_LETTERS}", name="2nd"),
    Refused(
        "a name of 60 characters with 1,000 workers",
        "metadata.name",
        f"the name is too long by 8: its pod {'a' * 60}-worker-999 would have 71 characters, "
        "and a host name has at most 63",
        {"parameterServer": {"workers": 1000}},
        name="a" * 60,
    ),
    *(
        Refused(
            f"a name that is too long for {workers} workers",
            "metadata.name",
            f"the name is too long by 1: its pod {'a' * length}-worker-{workers - 1} would have 64 characters, "
            "and a host name has at most 63",
            {"parameterServer": {"workers": workers}},
            "a" * length,
        )
        for workers, length in ((1, 55), (11, 54), (101, 53), (1001, 52))
    ),
    Refused(
        "a name that is too long by the evaluator alone",
        "metadata.name",
        f"the name is too long by 1: its pod {'a' * 52}-evaluator-0 would have 64 characters, "
        "and a host name has at most 63",
        {"multiWorker": {"evaluator": True}},
        name="a" * 52,
    ),
    Refused(
        "a name that is too long by itself",
        "metadata.name",
        f"the name is too long by 10: its pod {'a' * 64}-worker-0 would have 73 characters, "
        "and a host name has at most 63",
        name="a" * 64,
    ),
    *(
        Refused(
            f"a name that is too long for the pod {pod} of a job with {' and '.join(strategy)}",
            "metadata.name",
            f"the name is too long by 1: its pod {'a' * (63 - len(pod))}-{pod} would have 64 characters, "
            "and a host name has at most 63",
            strategy,
            "a" * (63 - len(pod)),
        )
        for pod, strategy in (
            ("launcher-0", {"mpi": {}, "command": ["train"]}),
            ("launcher-0", {"mpi": {"nodes": 1, "launcherRunsWorker": True}, "command": ["train"]}),
            ("launcher-0", {"mpi": {"nodes": 1001, "launcherRunsWorker": True}, "command": ["train"]}),
            ("worker-1000", {"mpi": {"nodes": 1001}, "command": ["train"]}),
            ("worker-10", {"torch": {"nodes": 11}}),
            (
                "worker-100",
                {"torch": {"nodes": 2, "elastic": {"minNodes": 1, "maxNodes": 101}}, "command": ["train"]},
            ),
        )
    ),
]

REFUSED_NAMES = [*_CONTROLLERS, *_HOSTS]
