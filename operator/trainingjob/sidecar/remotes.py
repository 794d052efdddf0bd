"""Open whatever a URI names for reading."""

from trainingjob.sidecar.remote import Remote
from trainingjob.sidecar.remote_folder import Folder
from trainingjob.sidecar.remote_objects import Objects
from trainingjob.sidecar.remote_web import Web
from trainingjob.sidecar.stores import open_location


def open_remote(uri: str, credentials: str) -> Remote:
    """Open what a URI names; nothing is asked of a server yet.

    Raises:
        RefusedError: for a URI or credentials that cannot be right.
    """
    if uri.startswith("file://"):
        return Folder(uri)
    if uri.startswith(("http://", "https://")):
        return Web(uri, credentials)
    return Objects(open_location(uri, credentials))
