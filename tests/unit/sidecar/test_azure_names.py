"""What Azure's own tools say is understood as they mean it."""

import pytest

from trainingjob.sidecar.azure_names import in_the_librarys_words, is_fit

CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"


def words(account: str = "", key: str = "", signature: str = "", endpoint: str = "") -> dict[str, str]:
    """Return those of the library that are not empty."""
    found = {
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        "AZURE_STORAGE_ACCOUNT_KEY": key,
        "AZURE_STORAGE_SAS_TOKEN": signature,
        "AZURE_STORAGE_ENDPOINT": endpoint,
    }
    return {name: value for name, value in found.items() if value}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AZURE_STORAGE_ACCOUNT": "team", "AZURE_STORAGE_KEY": "a=="}, words("team", "a==")),
        ({"AZURE_STORAGE_ACCOUNT_NAME": "team", "AZURE_STORAGE_ACCOUNT_KEY": "a=="}, words("team", "a==")),
        (
            {CONNECTION: "DefaultEndpointsProtocol=https;AccountName=team;AccountKey=a==;EndpointSuffix=core.example"},
            words("team", "a==", endpoint="https://team.blob.core.example"),
        ),
        ({CONNECTION: "AccountName=team;AccountKey=a=="}, words("team", "a==")),
        (
            {CONNECTION: "AccountName=team;AccountKey=a==;BlobEndpoint=http://127.0.0.1:10000/team;"},
            words("team", "a==", endpoint="http://127.0.0.1:10000/team"),
        ),
        (
            {CONNECTION: "BlobEndpoint=https://team.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=a%3D"},
            words("team", signature="sv=1&sig=a%3D", endpoint="https://team.blob.core.windows.net"),
        ),
        (
            {CONNECTION: "AccountName=team;AccountKey=a==", "AZURE_STORAGE_KEY": "b=="},
            words("team", "b=="),
        ),
        ({"AWS_ACCESS_KEY_ID": "x", "ca.crt": "y"}, {"AWS_ACCESS_KEY_ID": "x", "ca.crt": "y"}),
    ],
)
def test_keys_of_a_secret_are_told_to_the_library_in_its_words(given: dict[str, str], expected: dict[str, str]) -> None:
    assert in_the_librarys_words(given) == expected


@pytest.mark.parametrize(
    ("path", "fit"),
    [
        ("outputs/model.keras", True),
        ("outputs/.hidden/a..b", True),
        ("outputs/a\\b", False),
        ("outputs/model.", False),
        ("outputs/v1./model", False),
    ],
)
def test_names_that_azure_would_change_are_known(path: str, fit: bool) -> None:
    assert is_fit(path) is fit
