"""Fixtures: a home and a project folder of its own for every test, and nothing left running afterwards."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import runner  # noqa: E402
import tiny_models  # noqa: E402

SOURCE = pathlib.Path(os.environ.get("GANTRY_SOURCE", pathlib.Path(__file__).parents[2]))


@pytest.fixture(scope="session")
def program():
    path = os.environ.get("GANTRY", str(SOURCE / "build" / "gantry"))
    if not os.access(path, os.X_OK):
        pytest.exit(f"no program at {path}; build first (ninja -C build) or set GANTRY", returncode=2)
    return path


@pytest.fixture
def g(program):
    """A `gantry` with an empty home, an empty data folder `g.data`, and its sibling `g.rec`."""
    base = tempfile.mkdtemp(prefix="gantry-e2e-")
    gantry = runner.Gantry(program, base)
    yield gantry
    gantry.kill_all()
    for parent, folders, _ in os.walk(base):
        for name in folders:
            os.chmod(os.path.join(parent, name), 0o755)
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def real_data():
    """The real scans, where they are present (`$GANTRY_TEST_DATA`, or ../shared/data beside the checkout)."""
    for candidate in (os.environ.get("GANTRY_TEST_DATA"), SOURCE.parent / "shared" / "data"):
        if candidate and pathlib.Path(candidate, "tomo", "tooth.h5").exists():
            return pathlib.Path(candidate)
    pytest.skip("the real scan tooth.h5 is not here (set GANTRY_TEST_DATA)")


@pytest.fixture
def box(g):
    """A `g` with a folder `zips` beside the data folder; commands run in g.base."""
    g.zips = g.base / "zips"
    g.zips.mkdir()
    return g


@pytest.fixture(scope="session")
def onnx_runtime():
    """Where ONNX Runtime is. The one reason to leave out a test that asks a model."""
    path = tiny_models.runtime()
    if not path:
        pytest.skip("ONNX Runtime is not here (./setup fetches it)")
    return path


@pytest.fixture
def ort(g, onnx_runtime):
    """The same, and g knows it."""
    g.env["GANTRY_ORT"] = onnx_runtime
    return onnx_runtime


@pytest.fixture
def classifier(box, ort):
    """The card of the demonstration model that ships."""
    return json.loads((SOURCE / "share" / "models" / "demo-ct-mil" / "model.json").read_text())
