"""Tractograms (REQUIREMENTS P6): TCK and TRK as nibabel writes and reads them; count, lengths, density map, regions."""
import csv
import struct

import nibabel
import numpy as np
import pytest
from nibabel.streamlines import Field, TckFile, Tractogram, TrkFile

from image_steps import Steps

AFFINE = np.array([[-2, 0.1, 0, 30], [0, 2.2, 0.3, -25], [0.1, 0, 2.5, -10], [0, 0, 0, 1]])
SHAPE = (24, 20, 16)


@pytest.fixture
def step(g):
    return Steps(g)


def lines(n=60, seed=1):
    """Random walks through the middle of the image; the first has one point, the second none."""
    rng = np.random.default_rng(seed)
    made = [np.array([[1.5, 2, 3]]), np.zeros((0, 3))]
    middle = AFFINE[:3, :3] @ (np.array(SHAPE) / 2) + AFFINE[:3, 3]
    while len(made) < n:
        walk = np.cumsum(rng.normal(0, 1.5, (rng.integers(2, 40), 3)) + rng.normal(0, 1, 3), 0)
        made.append(middle + rng.normal(0, 6, 3) + walk)
    return [line.astype(np.float32) for line in made]


def length(line):
    return np.linalg.norm(np.diff(line.astype(float), axis=0), axis=1).sum()


def voxels(line, affine=AFFINE, shape=SHAPE, step=0.008):
    """By very fine sampling: what a line passes through, and a thin skin that may or may not belong to it."""
    inverse = np.linalg.inv(affine)
    points = line.astype(float) @ inverse[:3, :3].T + inverse[:3, 3]
    if len(points) == 1:
        fine = points
    else:
        fine = np.concatenate([np.linspace(a, b, max(2, int(np.abs(b - a).max() / step) + 2)) for a, b in zip(points[:-1], points[1:])]) if len(points) else points
    found = np.unique(np.floor(fine + .5).astype(int), axis=0)
    return {tuple(v) for v in found if np.all(v >= 0) and np.all(v < shape)}


def save(path, made, **header):
    tractogram = Tractogram(made, affine_to_rasmm=np.eye(4))
    if str(path).endswith(".tck"):
        TckFile(tractogram).save(str(path))
    else:
        head = {Field.VOXEL_TO_RASMM: AFFINE.astype(np.float32), Field.DIMENSIONS: SHAPE, Field.VOXEL_SIZES: nibabel.affines.voxel_sizes(AFFINE),
                Field.VOXEL_ORDER: "".join(nibabel.aff2axcodes(AFFINE)), **header}
        TrkFile(tractogram, header=head).save(str(path))
    return path


def reference(path, affine=AFFINE, shape=SHAPE, data=None):
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, np.uint8) if data is None else data, affine), path)
    return path


@pytest.mark.parametrize("ending", ["tck", "trk"])
def test_figures_are_those_of_nibabel(g, step, ending):
    path = save(g.base / f"a.{ending}", lines())
    read = [np.asarray(line) for line in nibabel.streamlines.load(path).streamlines]
    lengths = np.array([length(line) for line in read])
    said = step("streamlines.stats", {"table": g.base / "t.csv", "selected": g.base / "out.tck", "density": g.base / "d.nii.gz"},
                tracks=path, reference=reference(g.base / "ref.nii"))
    wanted = {"streamlines": len(read), "selected": len(read), "points": sum(map(len, read)), "mean_mm": lengths.mean(), "sd_mm": lengths.std(),
              "median_mm": np.median(lengths), "min_mm": lengths.min(), "max_mm": lengths.max(), "total_mm": lengths.sum()}
    for key, value in wanted.items():
        assert said[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key
    rows = list(csv.DictReader((g.base / "t.csv").open()))
    assert [int(row["points"]) for row in rows] == [len(line) for line in read]
    np.testing.assert_allclose([float(row["length_mm"]) for row in rows], lengths, atol=1e-4)
    copied = nibabel.streamlines.load(g.base / "out.tck")
    assert len(copied.streamlines) == len(read) and int(copied.header["count"]) == len(read)
    for one, two in zip(copied.streamlines, read):
        np.testing.assert_allclose(one, two, atol=1e-4)
    density = nibabel.load(g.base / "d.nii.gz")
    sampled = np.zeros(SHAPE)
    for line in read:
        for at in voxels(line):
            sampled[at] += 1
    off = density.get_fdata() - sampled
    assert np.allclose(density.affine, AFFINE, atol=1e-5) and off.min() >= 0  # sampling misses corners that are cut, and finds nothing else
    assert off.sum() < 0.01 * sampled.sum() and said["density_voxels"] == (density.get_fdata() > 0).sum() and sampled.max() > 3


@pytest.mark.parametrize("order", ["LPS", "RAS", "SAL", "RSA"])
def test_trk_in_any_order_of_axes(g, step, order):
    """TrackVis stores points along the axes that the header names: nibabel's reading is the measure."""
    dims = [SHAPE["RLAPSI".index(letter) // 2] for letter in order]
    sizes = [nibabel.affines.voxel_sizes(AFFINE)["RLAPSI".index(letter) // 2] for letter in order]
    path = save(g.base / "a.trk", lines(20), **{Field.VOXEL_ORDER: order, Field.DIMENSIONS: dims, Field.VOXEL_SIZES: sizes})
    step("streamlines.stats", {"selected": g.base / "out.tck"}, tracks=path)
    for one, two in zip(nibabel.streamlines.load(g.base / "out.tck").streamlines, nibabel.streamlines.load(path).streamlines):
        np.testing.assert_allclose(one, two, atol=1e-3)


def test_trk_whose_axes_go_round(g, step):
    """By the definition: stored axes to the back, down, to the right; the affine's go left, front, up."""
    assert "".join(nibabel.aff2axcodes(AFFINE)) == "LAS"
    sizes = nibabel.affines.voxel_sizes(AFFINE)
    path = save(g.base / "a.trk", lines(3)[2:], **{Field.VOXEL_ORDER: "PIR", Field.DIMENSIONS: [SHAPE[1], SHAPE[2], SHAPE[0]],
        Field.VOXEL_SIZES: [sizes[1], sizes[2], sizes[0]]})
    at = np.array([[3, 4, 5], [10, 2, 9]])
    stored = [[(SHAPE[1] - j - .5) * sizes[1], (SHAPE[2] - k - .5) * sizes[2], (SHAPE[0] - i - .5) * sizes[0]] for i, j, k in at]
    path.write_bytes(path.read_bytes()[:1000] + struct.pack("<i6f", 2, *np.ravel(stored)))
    step("streamlines.stats", {"selected": g.base / "out.tck", "density": g.base / "d.nii"}, tracks=path)
    np.testing.assert_allclose(nibabel.streamlines.load(g.base / "out.tck").streamlines[0], at @ AFFINE[:3, :3].T + AFFINE[:3, 3], atol=1e-4)
    density = nibabel.load(g.base / "d.nii").get_fdata()
    assert density.shape == SHAPE and density[3, 4, 5] == density[10, 2, 9] == 1


def test_trk_with_scalars_swapped_bytes_and_its_own_voxels(g, step):
    made = lines(10)[2:]
    tractogram = Tractogram(made, data_per_point={"fa": [np.ones((len(m), 2), np.float32) for m in made]}, data_per_streamline={"id": [[i] for i in range(len(made))]},
        affine_to_rasmm=np.eye(4))
    head = {Field.VOXEL_TO_RASMM: AFFINE.astype(np.float32), Field.DIMENSIONS: SHAPE, Field.VOXEL_SIZES: nibabel.affines.voxel_sizes(AFFINE), Field.VOXEL_ORDER: "LAS"}
    TrkFile(tractogram, header=head).save(str(g.base / "a.trk"))
    said = step("streamlines.stats", {"density": g.base / "d.nii"}, tracks=g.base / "a.trk")
    assert said["points"] == sum(map(len, made)) and nibabel.load(g.base / "d.nii").shape == SHAPE
    head = bytearray((g.base / "a.trk").read_bytes()[:1000])
    kinds = [(6, "h", 3), (12, "f", 6), (36, "h", 1), (238, "h", 1), (440, "f", 16), (956, "f", 6), (988, "i", 3)]
    for at, kind, n in kinds:
        size = struct.calcsize(kind)
        struct.pack_into(f">{n}{kind}", head, at, *struct.unpack_from(f"<{n}{kind}", head, at))
        assert size
    struct.pack_into(">h", head, 36, 0)
    struct.pack_into(">h", head, 238, 0)
    body = b"".join(struct.pack(">i", 2) + struct.pack(">6f", 1, 2, 3, 4, 6, 3) for _ in range(3))
    struct.pack_into(">i", head, 988, 3)
    (g.base / "big.trk").write_bytes(bytes(head) + body)
    assert step("streamlines.stats", tracks=g.base / "big.trk")["mean_mm"] == pytest.approx(
        np.mean([length(np.asarray(s)) for s in nibabel.streamlines.load(g.base / "big.trk").streamlines]), rel=1e-5)


def test_regions_let_in_and_keep_out(g, step):
    path = save(g.base / "a.tck", lines(81))
    made = [np.asarray(line) for line in nibabel.streamlines.load(path).streamlines]  # nibabel leaves the empty one out
    masks = {}
    other = np.diag([3.0, 3, 3, 1])
    other[:3, 3] = AFFINE[:3, :3] @ (np.array(SHAPE) / 2) + AFFINE[:3, 3] - 30  # regions need not have the tractogram's voxels
    for name, at, affine in (("one", (10, 8, 6), AFFINE), ("two", (12, 10, 9), AFFINE), ("three", (9, 9, 9), other)):
        mask = np.zeros(SHAPE, np.uint8)
        mask[tuple(slice(c, c + 4) for c in at)] = 1
        masks[name] = (mask, affine, reference(g.base / f"{name}.nii.gz", affine, data=mask))

    def hit(line, name, ends=False):
        mask, affine, _ = masks[name]
        return len(line) and any(mask[v] for part in ((line[:1], line[-1:]) if ends else (line,)) for v in voxels(part, affine))
    paths = {name: masks[name][2] for name in masks}
    said = step("streamlines.stats", {"selected": g.base / "out.tck"}, tracks=path, include=[paths["one"], paths["three"]], exclude=[paths["two"]])
    wanted = [line for line in made if hit(line, "one") and hit(line, "three") and not hit(line, "two")]
    kept = nibabel.streamlines.load(g.base / "out.tck").streamlines
    assert said["streamlines"] == len(made) == 80 and said["selected"] == len(wanted) == len(kept) and 3 < len(wanted) < 70
    assert all(np.array_equal(a, b) for a, b in zip(kept, wanted))
    said = step("streamlines.stats", tracks=path, include=paths["one"], ends=True, min_length=20, max_length=60)
    assert said["selected"] == sum(bool(hit(line, "one", ends=True)) and 20 <= length(line) <= 60 for line in made) > 0


def test_what_is_cut_or_lies_is_named(g, step):
    made = lines(12)[2:]
    tck, trk = save(g.base / "a.tck", made).read_bytes(), save(g.base / "a.trk", made).read_bytes()

    def said(content, ending, ok=False):
        (g.base / f"bad.{ending}").write_bytes(content)
        return step("streamlines.stats", ok=ok, tracks=g.base / f"bad.{ending}")
    (g.base / "info.trk").write_bytes(trk)
    told = g.json("info", g.base / "info.trk")
    assert (told["kind"], told["ok"], told["streamlines"], told["points"]) == ("trk", True, 10, sum(map(len, made)))
    assert "10 streamlines" in g.ok("info", g.base / "info.trk").out
    (g.base / "info.trk").write_bytes(trk[:-40])
    assert "it was cut" in g.json("info", g.base / "info.trk")["reason"]
    assert "ends without its end mark after 10 streamlines: it was cut" in said(tck[:-12], "tck")
    assert "in the middle of a point" in said(tck[:-200 + 2], "tck")
    assert "promises" in said(trk[:-40], "trk") and "it was cut" in said(trk[:-40], "trk")
    assert "in the middle of its header" in said(trk[:700], "trk")
    count = tck.index(b"count: ") + 7
    wrong = tck[:count] + tck[count:].replace(b"0000010", b"0000099", 1)
    assert said(wrong, "tck", ok=True)["warning"] == "its header says 99 streamlines, there are 10"
    fewer = bytearray(trk)
    struct.pack_into("<i", fewer, 988, 4)
    assert said(bytes(fewer), "trk", ok=True)["warning"].endswith("streamlines that its header names")
    more = bytearray(trk)
    struct.pack_into("<i", more, 988, 4000)
    assert "ends at byte" in said(bytes(more), "trk")
    many = bytearray(trk)
    struct.pack_into("<i", many, 1000, 2**31 - 1)
    assert "promises 2147483647 points" in said(bytes(many), "trk")
    for at, kind, value, part in ((996, "<i", 1001, "its size is not 1000"), (992, "<i", 3, "version 3"), (6, "<h", 0, "a dimension of 0"),
                                  (12, "<f", 0, "a voxel size of 0"), (36, "<h", 500, "a number of scalars"), (948, "3s", b"XYZ", "'XYZ' is no order")):
        bad = bytearray(trk)
        struct.pack_into(kind, bad, at, value)
        assert part in said(bytes(bad), "trk"), part
    assert "an unknown datatype" in said(tck.replace(b"Float32LE", b"Float16LE"), "tck")
    assert "no END" in said(b"mrtrix tracks\n" + b"x" * 70000, "tck") and "neither TCK nor TRK" in said(b"hello", "tck")
    assert "data from byte" in said(tck.replace(b"file: . ", b"file: . 99", 1), "tck")
    nothing = step("streamlines.stats", ok=False, tracks=g.base / "a.tck", outputs={"density": g.base / "d.nii"})
    assert "A TCK does not say: give a reference image" in nothing
