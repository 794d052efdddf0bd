"""What conda is asked for: the lists of a job, and an environment.yml of its source."""

from pathlib import Path

import pytest

from trainingjob.contract.tasks import CondaPackages
from trainingjob.sidecar.conda_file import CondaRequest, read_request
from trainingjob.sidecar.errors import RefusedError

WHOLE = """\
name: digits
channels:
  - conda-forge
  - https://conda.example.com/ours
  - nodefaults
dependencies:
  - python=3.11
  - numpy >=1.26
  - pip
  - pip:
    - scikit-learn
    - -r lists/more.txt
    - --requirement=../others.txt
  - conda-forge::onnx
"""


def of_file(folder: Path, text: str, **asked: object) -> CondaRequest:
    """Return what is read of a file with some text, as a job would name it."""
    (folder / "deep").mkdir(exist_ok=True)
    (folder / "deep" / "environment.yml").write_text(text)
    given = {"file": "deep/environment.yml", "workspace": str(folder), **asked}
    return read_request(CondaPackages.model_validate(given))


def test_file_says_channels_packages_and_what_pip_installs(tmp_path: Path) -> None:
    assert of_file(tmp_path, WHOLE) == CondaRequest(
        packages=["python=3.11", "numpy >=1.26", "pip", "conda-forge::onnx"],
        channels=["conda-forge", "https://conda.example.com/ours"],
        pip=["scikit-learn"],
        pip_files=["deep/lists/more.txt", "deep/../others.txt"],
    )


def test_lists_of_the_job_come_before_those_of_the_file(tmp_path: Path) -> None:
    found = of_file(tmp_path, WHOLE, packages=("zlib",), channels=("ours", "conda-forge"))

    assert found.packages[:2] == ["zlib", "python=3.11"]
    assert found.channels == ["ours", "conda-forge", "https://conda.example.com/ours"]


def test_lists_of_the_job_need_no_file() -> None:
    assert read_request(CondaPackages(packages=("zlib",))) == CondaRequest(["zlib"], [], [], [])


def test_no_channel_is_called_nodefaults() -> None:
    asked = CondaPackages(packages=("zlib",), channels=("ours", "nodefaults"))

    assert read_request(asked) == CondaRequest(["zlib"], ["ours"], [], [])


def test_file_may_have_channels_alone_where_the_job_lists_packages(tmp_path: Path) -> None:
    assert of_file(tmp_path, "channels: [ours]\n", packages=("zlib",)) == CondaRequest(["zlib"], ["ours"], [], [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dependencies: [a]\nvariables: {A: b}\n", "'variables' is not supported; set variables in spec.env"),
        ("dependencies: [a]\nprefix: /opt/conda/envs/a\n", "'prefix' is not supported; take the line out"),
        (
            "dependencies: [a]\nplatforms: [linux-64]\n",
            "'platforms' is not supported; only channels, dependencies, name",
        ),
        ("dependencies: a\n", "dependencies is no list"),
        ("dependencies: [1.5]\n", "1.5 in dependencies is no text, nor a list of pip"),
        ("dependencies: [{conda: [a]}]\n", "a mapping (KEY: VALUE) in dependencies is no text, nor a list of pip"),
        ("dependencies: [{pip: six}]\n", "pip is no list"),
        ("dependencies: [a, {pip: [-e .]}]\n", "the option -e in pip is no requirement; options stand in a file"),
        ("dependencies: [a]\nchannels: [{a: b}]\n", "a mapping (KEY: VALUE) in channels is no text"),
        ("dependencies: [--file=x]\n", "the option --file is no package of conda"),
        ("dependencies: ['']\n", "'' is no package of conda"),
        ("dependencies: []\n", "lists no packages of conda in dependencies"),
        ("dependencies: [{pip: [six]}]\n", "lists no packages of conda in dependencies"),
        ("[a, b]\n", "it is no environment.yml with channels and dependencies"),
        ("", "it is no environment.yml with channels and dependencies"),
        ("dependencies: [a, [b]]\n", "a list in dependencies is no text"),
        (f"dependencies: [{10**300}]\n", "a number or date in dependencies is no text"),
        (f"? {'a' * 2000}\n: b\n", f"'{'a' * 100}…' is not supported"),
        ("a: [\n", "it is no YAML: see line 2, column 1"),
        ("a: !!python/object/apply:os.system [ls]\n", "it is no YAML: see line 1, column 4"),
        ("a: \0\n", "it is no YAML"),
        ("a: 2026-13-45\n", "it is no YAML: a date, number or tag in it has no value"),
        (f"a: {'9' * 5000}\n", "it is no YAML: a date, number or tag in it has no value"),
        ("a: !!bool b\n", "it is no YAML: a date, number or tag in it has no value"),
        (f"a: {'[' * 5000}\n", "too much of it lies in one another"),
        ("a: &b [c]\nd: *b\n", "an alias (*) is not supported: see line 2, column 4; write out what it stands for"),
        ("# " + "x" * 1024 * 1024, "it has more than 1048576 bytes"),
    ],
)
def test_file_that_cannot_be_honoured_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as raised:
        of_file(tmp_path, text)

    assert words in str(raised.value)
    assert "spec.environment" in str(raised.value)


@pytest.mark.parametrize(
    "channel",
    ["https://reader:planted@conda.example.com/ours", "https://conda.example.com/t/planted/ours", "--planted"],
)
def test_channel_with_a_secret_is_refused_and_not_shown(channel: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as of_job:
        read_request(CondaPackages(packages=("a",), channels=(channel,)))
    with pytest.raises(RefusedError) as of_source:
        of_file(tmp_path, f"channels: ['{channel}']\ndependencies: [a]\n")

    assert str(of_job.value) == str(of_source.value)
    assert "belongs into the key channels of the Secret" in str(of_job.value)
    assert "planted" not in str(of_job.value)


@pytest.mark.parametrize(
    "package",
    [
        "https://reader:planted@conda.example.com/ours::numpy",
        "https://conda.example.com/t/planted/ours::numpy",
        "conda.example.com/t/planted/ours/linux-64::numpy>=1",
        "numpy[channel='https://reader:planted@conda.example.com/ours']",
        "https://conda.example.com/ours?token=planted::numpy",
    ],
)
def test_package_of_a_channel_with_a_secret_is_refused_and_not_shown(package: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as of_job:
        read_request(CondaPackages(packages=("a", package)))
    with pytest.raises(RefusedError) as of_source:
        of_file(tmp_path, f'dependencies: ["{package}"]\n')

    assert str(of_job.value) == str(of_source.value)
    assert "belongs into the key channels of the Secret" in str(of_job.value)
    assert "planted" not in str(of_job.value)


@pytest.mark.parametrize(
    "package", ["https://conda.example.com/ours::numpy >=1.26", "conda-forge/label/dev::onnx", "a[build='py*_t/']"]
)
def test_package_may_name_a_channel_without_secrets(package: str) -> None:
    assert read_request(CondaPackages(packages=(package,))).packages == [package]


@pytest.mark.parametrize(
    "text",
    [
        "dependencies: [a, {pip: ['--extra-index-url https://u:planted@pip.example.com/simple']}]\n",
        "dependencies: [a, {pip: ['--token=planted']}]\n",
        "dependencies: [a, {pip: [https://u:planted@pip.example.com/simple: ]}]\n",
        "dependencies: ['--channel=https://u:planted@conda.example.com/ours']\n",
        "dependencies: ['-c https://conda.example.com/t/planted/ours']\n",
        'dependencies: ["b https://u:planted@conda.example.com\\nc"]\n',
        "dependencies: [a]\nchannels:\n- https://u:planted@conda.example.com/ours:\n",
        "dependencies: [a]\nchannels:\n- https://u:planted@conda.example.com/ours: c\n",
        "dependencies: [a]\nhttps://u:planted@conda.example.com/ours: b\n",
        "dependencies: [a]\nhttps://conda.example.com/t/planted/ours: b\n",
        "dependencies: [a]\nhttps://conda.example.com/ours?token=planted: b\n",
        "dependencies: [a]\nchannels: [https://u:planted@conda.example.com: [}]\n",
        "dependencies: [a]\nchannels: [*planted]\n",
        "dependencies: [a]\nchannels: [!planted b]\n",
    ],
)
def test_file_that_is_refused_keeps_its_passwords(text: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as raised:
        of_file(tmp_path, text)

    assert "spec.environment" in str(raised.value)
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize("item", ["[*a{0}, *a{0}]", "{{<<: [*a{0}, *a{0}]}}"])
def test_aliases_that_name_one_another_take_no_memory(item: str, tmp_path: Path) -> None:
    levels = [f"b{n}: &a{n + 1} {item.format(n)}\n" for n in range(100)]

    with pytest.raises(RefusedError, match="an alias"):
        of_file(tmp_path, "a: &a0 {c: d}\n" + "".join(levels) + "dependencies: [*a100]\n")


@pytest.mark.parametrize("name", ["../environment.yml", "/etc/passwd", "link.yml", "."])
def test_file_outside_of_the_source_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(WHOLE)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "link.yml").symlink_to("../environment.yml")

    with pytest.raises(RefusedError, match="leaves the source"):
        read_request(CondaPackages(file=name, workspace=str(tmp_path / "source")))


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"'none.yml': the source has no such file"):
        read_request(CondaPackages(file="none.yml", workspace=str(tmp_path)))
