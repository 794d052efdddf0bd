"""Everything that can be configured: each option with its meaning, its default and its two spellings."""

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

from trainingjob.controller.version import VERSION

ENVIRONMENT_PREFIX: Final = "TRAININGJOB_OPERATOR_"

EXIT_CODES: Final = {
    0: "asked to stop (SIGTERM, SIGINT) and stopped in order",
    1: "an unexpected failure; Kubernetes starts the process again and nothing is lost",
    2: "bad options, or no way to reach an API server",
    3: "another operator has taken the lease over: the process ended at once, so that only one acts",
}


def _at_least(minimum: float, kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not value >= minimum:
            raise argparse.ArgumentTypeError(f"{text} is less than {minimum:g}")
        return value

    return parse


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port between 0 and 65535")
    return int(text)


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a namespace; patterns are not understood")
    return text


def _option(
    default: object,
    meaning: str,
    *,
    parse: Callable[[str], object] = str,
    choices: Sequence[str] | None = None,
    metavar: str | None = None,
) -> Any:
    return field(default=default, metadata={"meaning": meaning, "parse": parse, "choices": choices, "metavar": metavar})


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's configuration; every field is a flag and an environment variable."""

    kubeconfig: str = _option(
        "",
        "Path of the kubeconfig. Without it: the pod's service account, else $KUBECONFIG, else ~/.kube/config.",
        metavar="PATH",
    )
    namespace: tuple[str, ...] = _option(
        (),
        "Namespace to serve; repeat the flag, or separate with commas in the variable. Without it: all namespaces.",
        parse=_namespace,
        metavar="NAME",
    )
    health_host: str = _option(
        "", "Address on which /healthz, /readyz and /metrics are served. Empty: every address.", metavar="ADDRESS"
    )
    health_port: int = _option(
        8080, "Port of the same; 0 takes any free port and prints it in the log.", parse=_port, metavar="PORT"
    )
    lease_name: str = _option(
        "trainingjob-operator",
        "Name of the Lease that elects the one operator that acts. Operators that serve different namespaces of one "
        "cluster need different names or lease namespaces.",
        metavar="NAME",
    )
    lease_namespace: str = _option(
        "",
        "Namespace of the Lease. Empty: the operator's own namespace, else that of the kubeconfig's context.",
        metavar="NAME",
    )
    lease_seconds: float = _option(
        15.0,
        "How long the Lease holds without renewal: the longest time without an acting operator after a crash.",
        parse=_at_least(1, float),
        metavar="SECONDS",
    )
    lease_identity: str = _option(
        "",
        "Holder that is written into the Lease. Give the pod's name, so that a restarted container goes on at once; "
        "it must never be shared by two running processes. Empty: the host's name and a random part.",
        metavar="TEXT",
    )
    workers: int = _option(
        32, "How many jobs are worked on at the same time.", parse=_at_least(1, int), metavar="COUNT"
    )
    api_concurrency: int = _option(
        32,
        "How many creates, deletes and reads of children are in flight at the same time, over all jobs.",
        parse=_at_least(1, int),
        metavar="COUNT",
    )
    status_interval: float = _option(
        10.0,
        "Shortest time between two status writes of one job when only counts have changed. A change of phase or "
        "reason is not held back by it.",
        parse=_at_least(0, float),
        metavar="SECONDS",
    )
    resync_seconds: float = _option(
        300.0,
        "How often all jobs are listed and looked at again, whether something was heard of them or not.",
        parse=_at_least(1, float),
        metavar="SECONDS",
    )
    shutdown_seconds: float = _option(
        20.0,
        "How long running work may take to end after SIGTERM; keep it below the pod's grace period.",
        parse=_at_least(0, float),
        metavar="SECONDS",
    )
    security_profile: str = _option(
        "restricted",
        "Pod Security level of the pods of jobs that choose none.",
        choices=("restricted", "baseline"),
    )
    sidecar_image: str = _option(
        "trainingjob-operator",
        "Image of the containers that the operator adds to training pods, for source, packages, inputs and outputs: "
        "its own, in the same version.",
        metavar="IMAGE",
    )
    frameworks_file: str = _option(
        "",
        "JSON file with the images that spec.framework stands for. Empty: jobs name their image themselves.",
        metavar="PATH",
    )
    tensorboard_image: str = _option(
        "tensorflow/tensorflow:2.18.0",
        "Image with the program `tensorboard`, for the TensorBoards that jobs ask for.",
        metavar="IMAGE",
    )
    log_format: str = _option("text", "Form of the log: one line of text or of JSON.", choices=("text", "json"))
    log_level: str = _option("info", "Least level that is logged.", choices=("debug", "info", "warning", "error"))

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the namespaces to list and watch; one empty name stands for all of them."""
        return self.namespace or ("",)


def flag_of(option: Field[Any]) -> str:
    """Return an option's flag, such as `--lease-name`."""
    return "--" + option.name.replace("_", "-")


def variable_of(option: Field[Any]) -> str:
    """Return an option's environment variable, such as `TRAININGJOB_OPERATOR_LEASE_NAME`."""
    return ENVIRONMENT_PREFIX + option.name.upper()


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Settings:
    """Read the options from flags, else from the environment, else take the defaults.

    Raises:
        SystemExit: with status 2 and a message on standard error when a value is refused, with 0 after `--help`.
    """
    known = os.environ if environment is None else environment
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    values: dict[str, Any] = {}
    for option in fields(Settings):
        if given[option.name] is not None:
            values[option.name] = given[option.name]
        elif text := known.get(variable_of(option), ""):
            values[option.name] = _from_variable(parser, option, text)
    if isinstance(values.get("namespace"), list):
        values["namespace"] = tuple(dict.fromkeys(values["namespace"]))
    return Settings(**values)


def _from_variable(parser: argparse.ArgumentParser, option: Field[Any], text: str) -> object:
    choices = option.metadata["choices"]
    if choices and text not in choices:
        parser.error(f"{variable_of(option)}: {text!r} is none of {', '.join(choices)}")
    try:
        if option.name == "namespace":
            return [_namespace(name.strip()) for name in text.split(",") if name.strip()]
        return option.metadata["parse"](text)
    except argparse.ArgumentTypeError as error:
        parser.error(f"{variable_of(option)}: {error}")


def _parser() -> argparse.ArgumentParser:
    codes = "; ".join(f"{code}: {meaning}" for code, meaning in EXIT_CODES.items())
    parser = argparse.ArgumentParser(
        prog="trainingjob-operator",
        description="Runs TrainingJobs on the Kubernetes cluster that it reaches.",
        epilog=f"Every flag is also an environment variable; the flag wins. Exit codes: {codes}.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    for option in fields(Settings):
        default = "" if option.default in ("", ()) else f" Default: {option.default}."
        text = f"{option.metadata['meaning']}{default} [{variable_of(option)}]".replace("%", "%%")
        # argparse must not see the defaults: they would hide what the environment says.
        words: dict[str, Any] = {"dest": option.name, "help": text, "default": None, "type": option.metadata["parse"]}
        if option.name == "namespace":
            words["action"] = "append"
        if choices := option.metadata["choices"]:
            words["choices"] = choices
        parser.add_argument(flag_of(option), metavar=option.metadata["metavar"], **words)
    return parser
