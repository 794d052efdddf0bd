"""Sign requests to an S3 server as Amazon's signature version 4 has it, without their bodies."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

_UNSIGNED = "UNSIGNED-PAYLOAD"


def signed(
    method: str, host: str, path: str, query: Sequence[tuple[str, str]], keys: tuple[str, str], region: str
) -> tuple[str, dict[str, str]]:
    """Return the target of a request and the headers that sign it.

    Args:
        path: begins with `/`, without escapes.
        query: names and values, without escapes.
        keys: the access key and the secret key.
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": _UNSIGNED, "x-amz-date": now}
    target = quote(path, safe="/~")
    words = "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query))
    lines = [f"{name}:{value}\n" for name, value in headers.items()]
    request = "\n".join([method, target, words, "".join(lines), ";".join(headers), _UNSIGNED])
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys[1]}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={keys[0]}/{scope}, SignedHeaders={';'.join(headers)}, Signature={signature}"
    return f"{target}?{words}" if words else target, {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}
