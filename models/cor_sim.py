"""Simulated scans for the centre model: many kinds of specimen, noise, rings, truncation, region-of-interest scans.

The reconstruction and the finders vo and pc are Gantry's own, called through a shared library that is linked from the
static libraries of a build folder (`library(build)`). Everything follows from one seed a scan.
"""
import ctypes as c
import pathlib
import subprocess

import numpy as np
from scipy import ndimage


class Err(c.Structure):
    _fields_ = [("code", c.c_int), ("text", c.c_char * 480)]


class Spec(c.Structure):
    _fields_ = [("columns", c.c_size_t), ("angles", c.c_size_t), ("theta", c.c_void_p), ("width", c.c_size_t), ("algorithm", c.c_int),
                ("filter", c.c_int), ("no_extend", c.c_bool), ("threads", c.c_uint), ("isa", c.c_int)]


class Result(c.Structure):
    _fields_ = [("centre", c.c_double), ("confidence", c.c_double)]


class Sino(c.Structure):
    _fields_ = [("values", c.c_void_p), ("angles", c.c_size_t), ("columns", c.c_size_t), ("theta", c.c_void_p), ("threads", c.c_uint)]


def library(build, work):
    """Link math/ and base/ of a build folder into a shared library and open it."""
    build, path = pathlib.Path(build), pathlib.Path(work) / "libgantry-math.so"
    parts = sorted(build.glob("src/math/libmath*.a")) + sorted(build.glob("src/base/libbase*.a"))
    subprocess.run(["gcc", "-shared", "-fopenmp", "-o", path, "-Wl,--whole-archive", *parts, "-Wl,--no-whole-archive", "-lfftw3f", "-lfftw3f_omp",
                    "-lm"], check=True)
    lib = c.CDLL(str(path))
    lib.recon_new.restype = c.c_void_p
    lib.recon_new.argtypes = [c.POINTER(Spec), c.POINTER(Err)]
    lib.recon_free.argtypes = [c.c_void_p]
    lib.recon_centres.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p, c.c_void_p, c.POINTER(Err)]
    lib.centre_vo.argtypes = [c.POINTER(Sino), c.c_double, c.c_double, c.c_double, c.POINTER(Result), c.c_void_p, c.POINTER(Err)]
    lib.centre_pc.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t, c.c_size_t, c.c_double, c.c_double, c.POINTER(Result), c.POINTER(Err)]
    lib.centre_entropy.argtypes = [c.POINTER(Sino), c.c_double, c.c_double, c.POINTER(Result), c.c_void_p, c.POINTER(Err)]
    for f in (lib.recon_centres, lib.centre_vo, lib.centre_pc, lib.centre_entropy, lib.fft_wisdom_load, lib.fft_wisdom_save):
        f.restype = c.c_bool
    lib.fft_wisdom_load.argtypes = [c.c_char_p, c.c_void_p, c.POINTER(Err)]
    lib.fft_wisdom_save.argtypes = [c.c_char_p, c.POINTER(Err)]
    return lib


def checked(good, err):
    if not good:
        raise RuntimeError(err.text.decode())


def recon(lib, sino, theta, centres, kind=0):
    """Slices [centres][n][n] of one sinogram; kind 0 is the parzen filter."""
    sino, theta = np.ascontiguousarray(sino, np.float32), np.ascontiguousarray(theta, np.float64)
    centres, err = np.ascontiguousarray(centres, np.float64), Err()
    n = sino.shape[1]
    spec = Spec(n, len(theta), theta.ctypes.data, 0, 0, kind, False, 1, 0)
    out = np.empty((len(centres), n, n), np.float32)
    r = lib.recon_new(c.byref(spec), c.byref(err))
    checked(r, err)
    good = lib.recon_centres(r, sino.ctypes.data, len(centres), centres.ctypes.data, out.ctypes.data, c.byref(err))
    lib.recon_free(r)
    checked(good, err)
    return out


def find_vo(lib, sino, theta, lo, hi):
    sino, theta = np.ascontiguousarray(sino, np.float32), np.ascontiguousarray(theta, np.float64)
    s, r, err = Sino(sino.ctypes.data, sino.shape[0], sino.shape[1], theta.ctypes.data, 1), Result(), Err()
    checked(lib.centre_vo(c.byref(s), lo, hi, 0.5, c.byref(r), None, c.byref(err)), err)
    return r.centre, r.confidence


def find_entropy(lib, sino, theta, lo, hi):
    sino, theta = np.ascontiguousarray(sino, np.float32), np.ascontiguousarray(theta, np.float64)
    s, r, err = Sino(sino.ctypes.data, sino.shape[0], sino.shape[1], theta.ctypes.data, 1), Result(), Err()
    checked(lib.centre_entropy(c.byref(s), lo, hi, c.byref(r), None, c.byref(err)), err)
    return r.centre, r.confidence


def find_pc(lib, zero, opposite, lo, hi):
    zero, opposite = np.ascontiguousarray(zero, np.float32), np.ascontiguousarray(opposite, np.float32)
    r, err = Result(), Err()
    checked(lib.centre_pc(zero.ctypes.data, opposite.ctypes.data, zero.shape[0], zero.shape[1], lo, hi, c.byref(r), c.byref(err)), err)
    return r.centre, r.confidence


# ---- specimens: lists of ellipses (value, a, b, x, y, angle) in units of the specimen's radius, or a bitmap ----

def ellipses(rng, count, size, spread, values, round_=False):
    radius = spread * np.sqrt(rng.random(count))
    turn = 2 * np.pi * rng.random(count)
    a = size[0] * (size[1] / size[0]) ** rng.random(count)
    b = a if round_ else a * rng.uniform(0.25, 1, count)
    return np.stack([rng.choice(values, count) * rng.uniform(0.5, 1, count), a, b, radius * np.cos(turn), radius * np.sin(turn),
                     np.pi * rng.random(count)], 1)


def body(rng, value=1.0):
    return np.array([[value, rng.uniform(0.8, 0.97), rng.uniform(0.6, 0.97), *rng.uniform(-0.03, 0.03, 2), np.pi * rng.random()]])


def grains(rng):
    return np.vstack([body(rng), ellipses(rng, rng.integers(15, 120), (0.02, 0.2), 0.75, [-0.6, 0.4, 0.8])])


def foam(rng):
    return np.vstack([body(rng), ellipses(rng, rng.integers(40, 250), (0.015, 0.12), 0.8, [-0.9], True)])


def fibres(rng):
    shell = body(rng, rng.uniform(0, 0.4))
    return np.vstack([shell, ellipses(rng, rng.integers(30, 200), (0.012, 0.05), 0.85, [1.0], rng.random() < 0.7)])


def tube(rng):
    r, w = rng.uniform(0.7, 0.95), rng.uniform(0.03, 0.12)
    x, y = rng.uniform(-0.04, 0.04, 2)
    ring = np.array([[1, r, r, x, y, 0], [-rng.uniform(0.5, 1), r - w, r - w, x, y, 0]])
    return np.vstack([ring, ellipses(rng, rng.integers(2, 25), (0.03, 0.3), 0.5, [0.5, 0.15, -0.2])])


def few(rng):
    return ellipses(rng, rng.integers(2, 7), (0.1, 0.6), 0.4, [1.0, 0.5])


def bones(rng, n):
    field = ndimage.gaussian_filter(rng.standard_normal((n, n)), n * rng.uniform(0.008, 0.04))
    image = (field > field.std() * rng.uniform(-0.5, 0.6)).astype(np.float32)
    return image * (1 + 0.2 * ndimage.gaussian_filter(rng.standard_normal((n, n)), n * 0.05) * n * 0.05)


def crystals(rng, n):
    points = rng.random((rng.integers(30, 300), 2)) * n
    from scipy.spatial import cKDTree
    yy, xx = np.mgrid[:n, :n]
    return rng.uniform(0.3, 1, len(points))[cKDTree(points).query(np.stack([yy, xx], -1).reshape(-1, 2))[1]].reshape(n, n).astype(np.float32)


def clouds(rng, n):
    """Fractal noise: no edges at all, or few."""
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    f[0, 0] = 1
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) * f ** -rng.uniform(1.0, 1.8)).real
    return np.clip(0.5 + image / image.std() * 0.25, 0, 2).astype(np.float32)


def slab(rng, n):
    image = np.zeros((n, n), np.float32)
    for _ in range(rng.integers(1, 12)):
        y, x = rng.integers(0, n, 2)
        h, w = rng.integers(n // 30, n // 3, 2)
        image[y:y + h, x:x + w] += rng.uniform(0.2, 1)
    return ndimage.rotate(image, rng.uniform(0, 90), reshape=False, order=1)


SHAPES = (grains, foam, fibres, tube, few)
BITMAPS = (bones, crystals, clouds, slab)
KINDS = [f.__name__ for f in SHAPES + BITMAPS]


def project_shapes(shapes, theta, columns, centre, radius, shift=0.0):
    """Means of the line integrals over half pixels, two of them a column."""
    t = (np.arange(2 * columns) / 2 - 0.25) - centre
    sino = np.zeros((len(theta), 2 * columns), np.float32)
    for value, a, b, x, y, angle in shapes:
        a, b, x, y = a * radius, b * radius, x * radius, y * radius
        s2 = (a * np.cos(theta - angle)) ** 2 + (b * np.sin(theta - angle)) ** 2
        place = x * np.cos(theta) + y * np.sin(theta) + shift
        half = np.sqrt(s2)
        lo = int(max(0, np.floor(2 * (np.min(place - half) + centre))))
        hi = int(min(2 * columns, np.ceil(2 * (np.max(place + half) + centre)) + 2))
        if lo < hi:
            d = t[None, lo:hi] - place[:, None]
            sino[:, lo:hi] += (2 * value * a * b / s2)[:, None] * np.sqrt(np.maximum(s2[:, None] - d * d, 0))
    return sino.reshape(len(theta), columns, 2).mean(2)


def project_bitmap(image, theta, columns, centre, radius, shift=0.0):
    """Each pixel's centre of mass is shared out between the two nearest columns."""
    n = len(image)
    yy, xx = np.nonzero(image)
    w, cell = image[yy, xx].astype(np.float64), 2 * radius / n
    x, y = (xx - (n - 1) / 2) * cell, (yy - (n - 1) / 2) * cell
    sino = np.zeros((len(theta), columns + 2), np.float32)
    shift = np.broadcast_to(shift, len(theta))
    for i, angle in enumerate(theta):
        t = x * np.cos(angle) + y * np.sin(angle) + centre + shift[i]
        t = np.clip(t, -1, columns)
        k = np.floor(t).astype(np.int64)
        f = (t - k) * w
        sino[i] = np.bincount(k + 1, w - f, columns + 2)[:columns + 2] + np.bincount(np.minimum(k + 2, columns + 1), f, columns + 2)[:columns + 2]
    sino[:, [1, columns]] = sino[:, [2, columns - 1]]  # what lay beside the detector was gathered at its ends
    return sino[:, 1:-1] * cell * cell


def make(seed, rows=0, columns=None, wobble=0.0):
    """One scan: dict of sino, theta, centre (true), kind and what was done to it; with rows > 0 also two opposite views of a band.
    `wobble`: each view is off sideways by so many columns (deviation), as stages are; the centre is their mean."""
    rng = np.random.default_rng(seed)
    n = int(columns or rng.choice([128, 192, 256, 384]))
    views = int(np.clip(n * rng.uniform(0.35, 1.6), 60, 400))
    turn = 2 * np.pi if rng.random() < 0.2 else np.pi
    start = rng.choice([0, 0, -np.pi / 2, np.pi / 2, rng.uniform(0, np.pi)])
    theta = start + np.arange(views) * turn / (views - (rng.random() < 0.3))
    centre = (n - 1) / 2 + n * rng.choice([rng.uniform(-0.03, 0.03), rng.uniform(-0.12, 0.12)])
    wide = rng.random() < 0.3
    radius = n / 2 * (rng.uniform(1.05, 2.2) if wide else rng.uniform(0.35, 0.93))
    kind = KINDS[rng.integers(len(KINDS))]
    maker = globals()[kind]
    off = wobble * np.random.default_rng(seed + 5_000_000).standard_normal(views)
    off -= off.mean()
    if maker in SHAPES:
        shapes = maker(rng)
        sino = project_shapes(shapes, theta, n, centre, radius, off)
    else:
        m = int(min(2.0 * radius * 1.4, 640))
        image = maker(rng, m)
        yy, xx = np.mgrid[:m, :m] - (m - 1) / 2
        image = image * (np.hypot(xx, yy * rng.uniform(1, 1.3)) < m * rng.uniform(0.4, 0.49))
        sino = project_bitmap(image, theta, n, centre, radius, off)
    band = None
    if rows:
        pair = np.array([theta[0], theta[0] + np.pi])
        band = np.empty((2, rows, n), np.float32)
        for r in range(rows):  # neighbouring rows are alike, not the same
            d = 0.02 * (r - rows / 2) / rows
            if maker in SHAPES:
                s = shapes.copy()
                s[1:, 3:5] += rng.standard_normal(s[1:, 3:5].shape) * 0.01 + d
                band[:, r] = project_shapes(s, pair, n, centre, radius, off[[0, -1]])
            else:
                moved = ndimage.shift(image, rng.standard_normal(2) * 1.5 + d * m, order=1) if r % 4 == 0 else moved
                band[:, r] = project_bitmap(moved, pair, n, centre, radius, off[[0, -1]])
    scale = rng.uniform(0.3, 3.0) / max(np.percentile(sino, 99.5), 1e-6)
    counts = 10 ** rng.uniform(2.3, 5)
    blur = rng.choice([0, rng.uniform(0.3, 1.3)])
    gain = np.ones(n)
    rings = rng.random() < 0.5
    if rings:
        bad = rng.random(n) < rng.uniform(0.01, 0.2)
        gain = 1 + bad * rng.normal(0, 10 ** rng.uniform(-2.7, -1.4), n)
    fade = 1 + rng.choice([0, 0.03]) * ndimage.gaussian_filter1d(rng.standard_normal(views), 10) * 5

    def expose(s, fade):
        if blur:
            s = ndimage.gaussian_filter1d(s, blur, axis=-1)
        hits = rng.poisson(counts * np.exp(-scale * s)) * gain * fade
        return -np.log(np.maximum(hits, 0.5) / counts)

    sino = expose(sino, fade[:, None])
    if rng.random() < 0.1:
        hot = rng.random(sino.shape) < 3e-4
        sino[hot] -= rng.uniform(0.5, 2)
    if band is not None:
        band = np.stack([expose(band[0], 1), expose(band[1], 1)])
    return {"sino": sino.astype(np.float32), "theta": theta, "centre": centre, "kind": kind, "columns": n, "views": views, "wide": wide,
            "turn": round(np.degrees(turn)), "counts": counts, "rings": rings, "band": band}
