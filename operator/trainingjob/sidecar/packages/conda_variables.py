"""The variables of whatever makes an environment of conda."""

import re
from pathlib import Path
from typing import Dict, Mapping, Tuple

_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "TRAININGJOB_TASK")
"""What an image or a job may have for its program, and would change conda."""

_FIXED = {
    "CONDA_ALWAYS_YES": "true",
    "CONDA_NOTIFY_OUTDATED_CONDA": "false",
    "CONDA_NUMBER_CHANNEL_NOTICES": "0",
    "CONDA_REPORT_ERRORS": "false",
    "MAMBA_NO_BANNER": "1",
}
_CUDA = re.compile(r"\d+\.\d+")
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions have the authorities that they trust."""


def conda_variables(base: Mapping[str, str], cuda: bool) -> Tuple[Dict[str, str], str]:
    """Return the variables, and what to say of the choice between builds for CPUs and GPUs; empty for nothing.

    Args:
        base: those that are the same for pip.
        cuda: whether the program will see GPUs, which this container does not.
    """
    variables = {**{name: value for name, value in base.items() if name not in _FOREIGN}, **_FIXED}
    if not cuda or "CONDA_OVERRIDE_CUDA" in base:
        return variables, ""
    version = _CUDA.match(base.get("CUDA_VERSION", ""))
    if version is None:
        return variables, (
            "The image does not say its CUDA_VERSION: builds for CPUs may be chosen, unless spec.env sets "
            "CONDA_OVERRIDE_CUDA to the CUDA of the nodes."
        )
    variables["CONDA_OVERRIDE_CUDA"] = version.group()
    return variables, f"Builds for CUDA {version.group()} are chosen: that is the image's."


def certificates(tools: Path, variables: Mapping[str, str]) -> Dict[str, str]:
    """Return what shows the brought solver whom to trust in an image without certificates: those of the brought pip."""
    if any(name in variables for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")):
        return {}
    if any(Path(file).exists() for file in _CERTIFICATES):
        return {}
    return {"SSL_CERT_FILE": str(tools / "pip" / "pip" / "_vendor" / "certifi" / "cacert.pem")}
