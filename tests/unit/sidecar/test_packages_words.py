"""What an installation that fails says, and what it never says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainingjob.sidecar.packages.failures import MAX_BYTES, last_words, names_full_disk, names_network, shorten
from trainingjob.sidecar.packages.redaction import Redaction, secrets_in

MISSING = """\
Looking in indexes: http://127.0.0.1:1/simple
WARNING: Retrying (Retry(total=1, connect=None, read=None)) after connection broken by 'NewConnectionError(...)'
ERROR: Could not find a version that satisfies the requirement nowhere (from versions: none)

[notice] A new release of pip is available: 23.0.1 -> 26.0
ERROR: No matching distribution found for nowhere
"""
CONFLICT = """\
Collecting b
ERROR: Cannot install a==1.0 and b==1.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    a 1.0 depends on c==1
    b 1.0 depends on c==2

To fix this you could try to:
1. loosen the range of package versions you've specified
2. remove package versions to allow pip to attempt to solve the dependency conflict

ERROR: ResolutionImpossible: for help visit https://example.com/help
"""
BUILD = """\
  Preparing metadata (pyproject.toml): finished with status 'error'
  error: subprocess-exited-with-error

  \N{MULTIPLICATION SIGN} Preparing metadata (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [2 lines of output]
      Traceback (most recent call last):
      FileNotFoundError: [Errno 2] No such file or directory: 'cmake'
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed

\N{MULTIPLICATION SIGN} Encountered error while generating package metadata.
╰─> See above for output.

note: This is an issue with the package mentioned above, not pip.
hint: See above for details.
"""
OLD = """\
Collecting nowhere
  Could not find a version that satisfies the requirement nowhere (from versions: )
No matching distribution found for nowhere
You are using pip version 18.1, however version 21.3.1 is available.
You should consider upgrading via the 'pip install --upgrade pip' command.
"""


@pytest.mark.parametrize(
    ("output", "first", "last"),
    [
        (MISSING, "ERROR: Could not find a version", "ERROR: No matching distribution found for nowhere"),
        (CONFLICT, "ERROR: Cannot install a==1.0 and b==1.0", "    b 1.0 depends on c==2"),
        (BUILD, "  error: subprocess-exited", "      FileNotFoundError: [Errno 2] No such file or directory: 'cmake'"),
        (OLD, "Collecting nowhere", "No matching distribution found for nowhere"),
        ("Collecting a\nKilled\n", "Collecting a", "Killed"),
    ],
)
def test_last_words_begin_with_the_error_and_end_without_advice(output: str, first: str, last: str) -> None:
    words = last_words(output.splitlines())

    assert words[0].startswith(first)
    assert words[-1] == last


def test_no_output_has_no_last_words() -> None:
    assert last_words([]) == last_words(["", "  "]) == []


@pytest.mark.parametrize(
    ("output", "network", "full"),
    [
        (MISSING, False, False),
        (MISSING.replace("total=1", "total=0"), True, False),
        ("ERROR: ReadTimeoutError: HTTPSConnectionPool: Read timed out.", True, False),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", True, False),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", False, True),
        (CONFLICT, False, False),
    ],
)
def test_output_names_network_or_full_disk(output: str, network: bool, full: bool) -> None:
    lines = output.splitlines()

    assert names_network(lines, last_words(lines)) is network
    assert names_full_disk(last_words(lines)) is full


@given(st.text(max_size=3 * MAX_BYTES))
def test_message_fits_and_keeps_its_end(message: str) -> None:
    short = shorten(message)

    assert len(short) <= MAX_BYTES
    assert short.decode().removeprefix("…") in message.encode(errors="replace").decode()
    assert short.decode()[-1:] == message.encode(errors="replace").decode()[-1:]


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("https://reader:p%40ss-word@example.com/simple", {"p%40ss-word", "p@ss-word"}),
        ("https://token-1234@example.com/simple", {"token-1234"}),
        ("https://token-1234:@example.com/simple", {"token-1234"}),
        (
            "[global]\nindex-url = https://u:first@a/simple\nextra-index-url =\n  https://u:second@b/simple",
            {"first", "second"},
        ),
        ("machine example.com\n  login reader\n  password very-secret\n", {"very-secret"}),
        ("machine a login b password one1 machine c login d password two2", {"one1", "two2"}),
        ("https://reader:p@ss-word@example.com/simple", {"p@ss-word"}),
        ("https://example.com/simple/@scope", set()),
    ],
)
def test_secrets_are_found_where_they_are_kept(text: str, secrets: set[str]) -> None:
    assert set(secrets_in(text)) == secrets


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("Looking in indexes: https://reader:s3cret@example.com/s", "Looking in indexes: https://****@example.com/s"),
        ("401 for reader with s3cret and s3cret+more", "401 for reader with **** and ****"),
        ("git+https://other@example.com/x.git", "git+https://****@example.com/x.git"),
        ("at https://reader:p@ss@word@example.com/s/@x a@b", "at https://****@example.com/s/@x a@b"),
        ("'https://a:b@c', 'https://example.com' a@b", "'https://****@c', 'https://example.com' a@b"),
        ("x @ file:///tmp/x and a@b", "x @ file:///tmp/x and a@b"),
    ],
)
def test_lines_are_free_of_secrets(line: str, hidden: str) -> None:
    assert Redaction(["s3cret", "s3cret+more", "a"])(line) == hidden
