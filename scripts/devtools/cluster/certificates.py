"""Keys and certificates of a cluster, made by openssl: one authority signs servers, components and users."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.shell import run

_DAYS = "3650"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
Words = list[str | Path]
ADMINISTRATORS = "system:masters"


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path

    @property
    def exists(self) -> bool:
        """Return whether both are there; the certificate is written last."""
        return self.certificate.exists()


class Authority:
    """A folder with the authority's own pair and those that it has issued."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.pair = self.files("ca")

    def files(self, name: str) -> Pair:
        """Return where the pair of this name is, or would be."""
        return Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")

    def create(self) -> None:
        """Make the authority's own pair and the key that signs service account tokens, where they are missing."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        signer = self.files("service-account")
        if not signer.exists:
            run(["openssl", "genrsa", "-out", signer.key, "2048"])
            run(["openssl", "rsa", "-in", signer.key, "-pubout", "-out", signer.certificate])
        if not self.pair.exists:
            draft = self._folder / "ca.draft"
            words: Words = ["openssl", "req", "-x509", *_KEY, "-days", _DAYS, "-subj", "/CN=test-cluster"]
            run([*words, "-keyout", self.pair.key, "-out", draft])
            draft.rename(self.pair.certificate)

    def issue(self, name: str, user: str, groups: Sequence[str] = (), addresses: Sequence[str] = ()) -> Pair:
        """Return the pair of this name, for clients and, where addresses are given, for a server too.

        Args:
            name: of the files; a pair that exists is returned as it is.
            user: whom the certificate stands for.
            groups: of the user.
            addresses: like `DNS:kubernetes` or `IP:127.0.0.1`.
        """
        pair = self.files(name)
        if pair.exists:
            return pair
        request, draft, extensions = (self._folder / f"{name}.{kind}" for kind in ("csr", "draft", "ext"))
        name_of = ["-utf8", "-subj", subject(user, groups)]
        run(["openssl", "req", "-new", *_KEY, *name_of, "-keyout", pair.key, "-out", request])
        extensions.write_text(extension_text(addresses))
        signer: Words = [
            "-CA",
            self.pair.certificate,
            "-CAkey",
            self.pair.key,
            "-set_serial",
            f"0x{secrets.token_hex(12)}",
        ]
        words: Words = ["openssl", "x509", "-req", "-in", request, *signer, "-days", _DAYS, "-extfile", extensions]
        run([*words, "-out", draft])
        draft.rename(pair.certificate)
        request.unlink()
        extensions.unlink()
        return pair


def subject(user: str, groups: Sequence[str]) -> str:
    """Return the subject in openssl's notation: groups are organisations, the user is the common name."""
    parts = [("O", group) for group in groups] + [("CN", user)]
    return "".join(f"/{key}={_escaped(value)}" for key, value in parts)


def extension_text(addresses: Sequence[str]) -> str:
    """Return the extensions of a certificate in openssl's notation."""
    usage = "clientAuth, serverAuth" if addresses else "clientAuth"
    lines = ["keyUsage = critical, digitalSignature", f"extendedKeyUsage = {usage}"]
    if addresses:
        lines.append(f"subjectAltName = {', '.join(addresses)}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return "".join(f"\\{letter}" if letter in "/+\\" else letter for letter in value)
