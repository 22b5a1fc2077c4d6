"""dev/get-onnxruntime, which ./setup ends with: quiet when all is there, never a failure, nothing but the expected package."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LIBRARY = "libonnxruntime.so.1"


@pytest.fixture
def get(tmp_path):
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()

    def run(npm=None):
        if npm is not None:
            (bin_folder / "npm").write_text("#!/bin/bash\n" + npm)
            (bin_folder / "npm").chmod(0o755)
        (bin_folder / "ldconfig").write_text("#!/bin/bash\n")  # no library of the system's
        (bin_folder / "ldconfig").chmod(0o755)
        env = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        return subprocess.run([ROOT / "dev" / "get-onnxruntime", tmp_path / "out"], env=env, capture_output=True, text=True, timeout=60)
    run.out = tmp_path / "out"
    return run


def left(tmp_path):
    return [p.name for p in tmp_path.iterdir() if p.name.startswith("gantry-ort")]


def test_what_is_there_is_left_alone(get):
    get.out.mkdir()
    (get.out / LIBRARY).write_text("a library")
    done = get(npm="echo called >&2; exit 1\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (get.out / LIBRARY).read_text() == "a library"


def test_no_network_is_said_and_is_no_failure(get, tmp_path):
    done = get(npm="echo 'npm error code ENOTFOUND' >&2; exit 1\n")
    assert done.returncode == 0 and "ENOTFOUND" in done.stderr and "going on without ONNX Runtime" in done.stderr
    assert not get.out.exists() and left(tmp_path) == []


def test_another_package_is_not_taken(get, tmp_path):
    done = get(npm="[ \"$1\" = pack ] || exit 3\nfor word; do [ \"$word\" = --ignore-scripts ] && echo x > onnxruntime-node-1.30.0.tgz; done; true\n")
    assert done.returncode == 0 and "not the package that was expected" in done.stderr
    assert not get.out.exists() and left(tmp_path) == []


def test_no_registry_is_named():
    """Where npm fetches from is the site's npm configuration."""
    for path in (ROOT / "setup", ROOT / "dev" / "get-onnxruntime"):
        text = path.read_text()
        assert "://" not in text and "--registry" not in text
