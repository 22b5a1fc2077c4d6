"""Synthetic scans with known answers, written with h5py (a writer that is not ours).

Geometry, as the project states it: the rotation centre is the 0-based index of a pixel centre on the detector, and the
pixel (x, y), counted from the middle of the slice, is seen at centre + x cos(theta) + y sin(theta).
"""
import h5py
import numpy as np

# x, y, half axes, turn (degrees), attenuation; in units of half the detector. No symmetry, so that flips show.
ELLIPSES = (
    (0.00, 0.00, 0.66, 0.52, 10, 1.0),
    (0.22, 0.10, 0.20, 0.12, 40, 0.8),
    (-0.25, 0.18, 0.10, 0.16, -20, -0.6),
    (-0.05, -0.30, 0.14, 0.07, 75, 1.2),
    (0.35, -0.12, 0.05, 0.05, 0, 1.6),
)
# Line integrals through the whole object stay below about 2 with this.
STRENGTH = 1.2


def sinogram(theta_deg, columns, centre, scale=1.0):
    """Exact line integrals [angles, columns], dimensionless."""
    theta = np.deg2rad(np.asarray(theta_deg, float))[:, None]
    half = columns / 2
    position = np.arange(columns)[None, :] - centre
    total = np.zeros((theta.shape[0], columns))
    for x, y, a, b, turn, value in ELLIPSES:
        x, y, a, b = (v * half * scale for v in (x, y, a, b))
        t = theta - np.deg2rad(turn)
        radius2 = (a * np.cos(t)) ** 2 + (b * np.sin(t)) ** 2
        s = position - (x * np.cos(theta) + y * np.sin(theta))
        inside = np.clip(radius2 - s**2, 0, None)
        total += 2 * value * a * b * np.sqrt(inside) / radius2
    return total * STRENGTH / half


def image(columns, scale=1.0):
    """What a reconstruction should show: attenuation per pixel, [y, x]."""
    half = columns / 2
    middle = (columns - 1) / 2
    y, x = np.mgrid[0:columns, 0:columns] - middle
    total = np.zeros((columns, columns))
    for ex, ey, a, b, turn, value in ELLIPSES:
        ex, ey, a, b = (v * half * scale for v in (ex, ey, a, b))
        t = np.deg2rad(turn)
        u = (x - ex) * np.cos(t) + (y - ey) * np.sin(t)
        v = -(x - ex) * np.sin(t) + (y - ey) * np.cos(t)
        total += np.where((u / a) ** 2 + (v / b) ** 2 <= 1, value, 0.0)
    return total * STRENGTH / half


def write(path, *, columns=64, rows=2, angles=90, centre=None, frames=None, white=4, dark=4, dtype="uint16", noise=0.0,
        seed=1, span=180.0, theta=None, change=None, scale=1.0, **create):
    """A Data Exchange scan; returns its true centre. `frames` fewer than `angles` is an aborted scan. `change(arrays)`
    may spoil the dictionary data, data_white, data_dark, theta before it is written."""
    centre = (columns - 1) / 2 + 1.5 if centre is None else centre
    theta = np.arange(angles) * span / angles if theta is None else theta
    rng = np.random.default_rng(seed)
    shadow = np.exp(-sinogram(theta, columns, centre, scale))
    shadow = np.repeat(shadow[:, None, :], rows, axis=1)
    if noise:
        shadow = shadow + rng.normal(0, noise, shadow.shape)
    counts = 100 + 20000 * shadow
    arrays = {
        "data": counts[: len(theta) if frames is None else frames].astype(dtype),
        "data_white": np.full((white, rows, columns), 20100).astype(dtype),
        "data_dark": np.full((dark, rows, columns), 100).astype(dtype),
        "theta": np.asarray(theta, "float32"),
    }
    if change:
        change(arrays)
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            if value is not None:
                options = create if name == "data" else {}
                file.create_dataset("/exchange/" + name, data=value, **options)
    return centre


def truncate(path, keep=0.5):
    """Cut the file as a full disk or a broken copy would."""
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.truncate(int(size * keep))


def crop(source, target, left, frames=None):
    """A copy without the first `left` columns (the centre moves by exactly as many) and, aborted, fewer projections."""
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:
        for name in ("data", "data_white", "data_dark"):
            value = old["/exchange/" + name][..., left:]
            if name == "data" and frames is not None:
                value = value[:frames]
            new.create_dataset("/exchange/" + name, data=value)
        new.create_dataset("/exchange/theta", data=old["/exchange/theta"][...])


def correlation(a, b):
    """Inside the circle every projection sees."""
    n = a.shape[-1]
    y, x = np.mgrid[0:n, 0:n] - (n - 1) / 2
    inside = x**2 + y**2 < (0.95 * n / 2) ** 2
    return np.corrcoef(a[inside].ravel(), b[inside].ravel())[0, 1]
