"""Synthetic chest CT in HU, drawn from formulas and a seed: nobody's body, and therefore free to ship and to test with.

    chest = Chest(seed=7, kinds=("ground_glass",))
    hu, labels = chest.volume(slices=40, columns=256)      # int16 and uint8, [slice, row, column]

Axes are DICOM's: columns run to the patient's left (x), rows to the back (y), slices to the head (z), all in millimetres;
x = y = 0 is the middle of the chest, z = 0 lies in the upper abdomen. Anatomy and illness have generators of their own: the
same seed with other `kinds` is the same body. Only the noise depends on the pixel grid.

These are cartoons. They have a chest's densities, sizes and parts, in many variants, and they exercise the whole pipeline;
nothing that is learnt from them says anything about a patient.
"""
import numpy as np

KINDS = ("ground_glass", "consolidation", "effusion", "emphysema", "nodules")
OUTSIDE, BODY, LUNG, HEART, AIRWAY, GROUND_GLASS, CONSOLIDATION, EFFUSION, EMPHYSEMA, NODULE = range(10)
LABELS = ("outside", "body", "lung", "heart", "airway", "ground_glass", "consolidation", "effusion", "emphysema", "nodules")
IN_LUNG = (LUNG, GROUND_GLASS, CONSOLIDATION, EFFUSION, EMPHYSEMA, NODULE)
DENSE = (GROUND_GLASS, CONSOLIDATION, EFFUSION, NODULE)

VESSELS_PER_LUNG = 180
WAVES = 10


class Texture:
    """Smooth noise of mean 0 and deviation 1: a few plane waves of random direction. On a slice it is one small product
    of matrices, so it costs next to nothing."""

    def __init__(self, rng, shortest_mm, longest_mm):
        direction = rng.normal(size=(WAVES, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = np.exp(rng.uniform(np.log(shortest_mm), np.log(longest_mm), WAVES))
        self.k = 2 * np.pi * direction / length[:, None]
        self.phase = rng.uniform(0, 2 * np.pi, WAVES)
        self.gain = float(np.sqrt(2 / WAVES))

    def slice(self, x, y, z):
        """x, y: the coordinates of columns and rows."""
        a = np.outer(y, self.k[:, 1]) + (z * self.k[:, 2] + self.phase)
        b = np.outer(self.k[:, 0], x)
        left = np.concatenate([np.cos(a), -np.sin(a)], axis=1).astype(np.float32) * np.float32(self.gain)
        return left @ np.concatenate([np.cos(b), np.sin(b)]).astype(np.float32)


def soft(distance_mm, px_mm):
    """Cover of a pixel by a thing whose surface is `distance_mm` away (positive inside)."""
    return np.clip(distance_mm / px_mm + 0.5, 0, 1)


class Chest:
    def __init__(self, seed, kinds=()):
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"unknown kinds {sorted(unknown)}; there are {', '.join(KINDS)}")
        self.seed, self.kinds = int(seed), tuple(k for k in KINDS if k in kinds)
        rng = np.random.default_rng([self.seed, 1])
        self._anatomy(rng)
        self._vessels(rng)
        self._illness(np.random.default_rng([self.seed, 2]))

    # ---- anatomy -------------------------------------------------------------------------------------------------

    def _anatomy(self, rng):
        u = rng.uniform
        self.height = u(270, 330)
        self.a, self.b = u(112, 138), u(78, 100)  # half axes of the inner wall of the chest
        self.power = u(2.2, 2.8)
        self.wall = u(22, 42)
        self.fat = u(0.25, 0.65) * self.wall
        self.warp = [(u(1, 4), u(90, 200), u(0, 6.28), u(-0.015, 0.015)) for _ in range(4)]
        self.base = 0.10 * self.height
        self.dome = (u(55, 85), u(50, 78))  # right, left: how high the diaphragm rises above the base
        self.apex = u(0.90, 0.96) * self.height
        self.middle = u(24, 34)  # half width of the mediastinum
        self.shift = u(-5, 5)
        self.heart_at = np.array([u(12, 28), u(-38, -22), u(0.36, 0.44) * self.height])
        self.heart_r = np.array([u(48, 62), u(38, 48), u(46, 60)])
        self.turn = u(0.3, 0.8)
        self.rib_phase, self.rib_tilt = u(0, 26), u(0.35, 0.6)
        enhanced = rng.random() < 0.25  # contrast medium
        self.blood = u(140, 260) if enhanced else u(30, 55)
        self.lung_hu = u(-868, -828)
        self.gravity = u(15, 45)  # HU from front to back
        self.bones = u(0.8, 1.25)
        self.table = u(0, 1) < 0.7
        self.table_at = u(6, 18)
        self.bubble = (u(50, 75), u(-45, -15), u(0.03, 0.12) * self.height, u(10, 22)) if u(0, 1) < 0.35 else None
        self.fine, self.coarse = Texture(rng, 12, 40), Texture(rng, 50, 140)
        self.noise = u(8, 32)
        self.carina = u(0.60, 0.66) * self.height
        top, side = [0, 8, self.height + 20], u(-3, 3)
        fork = [side, 12, self.carina]
        hila = self.hila = [np.array([-s * (self.middle + 6), 6, self.carina - 22]) for s in (1, -1)]
        self.airways = [(top, fork, u(7.5, 10))] + [(fork, list(h), u(5, 6.5)) for h in hila]
        self.airways += [(list(h), list(h + [np.sign(h[0]) * 22, d, z]), u(2.5, 3.5))
                         for h in hila for d, z in ((-18, 20), (8, -30))]

    def _bend(self, x, y, z):
        """The wobble that keeps two bodies from being scaled copies."""
        p, q = x, y
        for i, (size, length, phase, tilt) in enumerate(self.warp):
            wave = 2 * np.pi / length
            if i % 2:
                p = p + size * np.sin(wave * y + tilt * z + phase)
            else:
                q = q + size * np.sin(wave * x + tilt * z + phase)
        return p, q

    def _wall(self, z):
        """Half axes of the chest's inner wall at height z."""
        t = (z - 0.36 * self.height) / (self.apex - 0.36 * self.height)
        narrow = np.clip(1 - np.abs(np.clip(t, -0.4, None)) ** 3.2, 1e-4, 1) ** 0.5
        return self.a * narrow, self.b * (0.25 + 0.75 * narrow)

    def _radius(self, x, y, a, b):
        return np.exp(np.log(self._power(x / a) + self._power(y / b)) / self.power)

    def _power(self, t):
        return np.exp(self.power * np.log(np.abs(t) + 1e-6))

    def _fields(self, x, y, z):
        """Signed distances (about millimetres, positive inside) of lung cavity and heart, and the wall's radius."""
        p, q = self._bend(x, y, z)
        a, b = self._wall(z)
        rho = self._radius(p, q, a, b)
        lung = (1 - rho) * np.minimum(a, b)
        front = np.clip(-q / self.b, 0, 1)
        lung = np.minimum(lung, np.abs(p - self.shift) - self.middle * (1 - 0.5 * front**2))
        spine = np.hypot((p - 0) / 34, (q - 0.80 * self.b) / 34)
        lung = np.minimum(lung, (spine - 1) * 30)
        aorta = np.hypot(p - 26, q - 0.48 * self.b)
        lung = np.minimum(lung, aorta - 15)
        rise = np.where(p < 0, self.dome[0], self.dome[1])
        centre = np.where(p < 0, -0.52, 0.52) * self.a
        bowl = 1 - ((p - centre) / (0.62 * self.a)) ** 2 - ((q + 0.15 * self.b) / (1.05 * self.b)) ** 2
        lung = np.minimum(lung, (z - self.base - rise * np.clip(bowl, -0.5, 1)) * 0.8)
        c, s = np.cos(self.turn), np.sin(self.turn)
        h = (p - self.heart_at[0], q - self.heart_at[1], z - self.heart_at[2])
        h = (c * h[0] + s * h[1], -s * h[0] + c * h[1], h[2])
        heart = (1 - np.sqrt(sum((v / r) ** 2 for v, r in zip(h, self.heart_r)))) * self.heart_r[1]
        return np.minimum(lung, -heart - 3), heart, rho, p, q, a, b  # 3 mm: the fat around the heart

    def _inside(self, rng, side, count, depth_mm):
        """Random points of the right (-1) or left (1) lung, at least `depth_mm` deep."""
        found = np.zeros((0, 3))
        while len(found) < count:
            p = rng.uniform((0, -1, 0), (1, 1, 1), (4 * count + 40, 3)) * (self.a * side, self.b, self.height)
            distance = self._fields(p[:, 0], p[:, 1], p[:, 2])[0]
            found = np.concatenate([found, p[distance > depth_mm]])
        return found[:count]

    def _vessels(self, rng):
        """Trees that grow from the hila to random points; radii by Murray's law from the number of twigs fed."""
        starts, ends, radii = [], [], []
        for side, root in zip((-1, 1), self.hila):
            points = self._inside(rng, side, VESSELS_PER_LUNG, 3)
            points = np.concatenate([[root], points[np.argsort(np.linalg.norm(points - root, axis=1))]])
            path = np.zeros(len(points))
            parent = np.zeros(len(points), int)
            for i in range(1, len(points)):
                step = np.linalg.norm(points[:i] - points[i], axis=1)
                parent[i] = np.argmin(step + 0.5 * path[:i])
                path[i] = path[parent[i]] + step[parent[i]]
            fed = np.ones(len(points))
            for i in range(len(points) - 1, 0, -1):
                fed[parent[i]] += fed[i]
            starts.append(points[parent[1:]])
            ends.append(points[1:])
            radii.append(np.minimum(0.9 * fed[1:] ** 0.36, 4.5))
        self.tubes = np.concatenate(starts), np.concatenate(ends), np.concatenate(radii)

    # ---- illness -------------------------------------------------------------------------------------------------

    def _illness(self, rng):
        u = rng.uniform
        self.patches, self.spots = [], []  # (label, centre, radii, HU, how strongly), (centre, radius, HU)
        self.edge, self.holes = Texture(rng, 14, 60), Texture(rng, 9, 26)
        self.fluid = self.low = None
        if "ground_glass" in self.kinds:
            for p in self._scatter(rng, int(rng.integers(3, 9)), 4):
                self.patches.append((GROUND_GLASS, p, rng.uniform(14, 38, 3), u(-680, -420), 0.85))
        if "consolidation" in self.kinds:
            for p in self._scatter(rng, int(rng.integers(1, 4)), 4):
                self.patches.append((CONSOLIDATION, p, rng.uniform(14, 36, 3), u(0, 50), 1.0))
        if "effusion" in self.kinds:
            sides = [(-1,), (1,), (-1, 1)][int(rng.integers(3))]
            self.fluid = {side: (u(0.66, 0.92), u(0, 22)) for side in sides}
        if "emphysema" in self.kinds:
            self.low = (u(-0.5, 0.5), u(-988, -970), u(15, 40), u(-0.8, 0.8))
        if "nodules" in self.kinds:
            for p in self._scatter(rng, int(rng.integers(2, 8)), 5):
                self.spots.append((p, u(5, 13), u(10, 70)))

    def _scatter(self, rng, count, depth_mm):
        side = rng.choice((-1, 1), count)
        return [self._inside(rng, s, 1, depth_mm)[0] for s in side]

    # ---- drawing -------------------------------------------------------------------------------------------------

    @staticmethod
    def _window(x, y, low, high, px_mm):
        """The part of the grid that a box touches: slices and coordinates, or None."""
        i0, i1 = (np.searchsorted(x, v) for v in (low[0] - px_mm, high[0] + px_mm))
        j0, j1 = (np.searchsorted(y, v) for v in (low[1] - px_mm, high[1] + px_mm))
        if i0 >= i1 or j0 >= j1:
            return None
        return (slice(j0, j1), slice(i0, i1)), x[None, i0:i1], y[j0:j1, None]

    def _tube(self, x, y, z, p, q, r, px_mm):
        """Cover of the pixels near one capsule, and where they are."""
        p, q = np.asarray(p, np.float32), np.asarray(q, np.float32)
        box = self._window(x, y, np.minimum(p, q)[:2] - r, np.maximum(p, q)[:2] + r, px_mm)
        if box is None:
            return None
        where, gx, gy = box
        d = q - p
        t = np.clip(((gx - p[0]) * d[0] + (gy - p[1]) * d[1] + (z - p[2]) * d[2]) / max(d @ d, 1e-6), 0, 1)
        far = np.sqrt((gx - p[0] - t * d[0]) ** 2 + (gy - p[1] - t * d[1]) ** 2 + (z - p[2] - t * d[2]) ** 2)
        return where, soft(r - far, px_mm)

    def _body(self, z, x, y, px_mm):
        """Everything but what is in the lungs: HU, labels, the lungs' cover."""
        gx, gy = x[None, :], y[:, None]
        lung, heart, rho, p, q, a, b = self._fields(gx, gy, z)
        fine, coarse = self.fine.slice(x, y, z), self.coarse.slice(x, y, z)
        up = np.clip((z / self.height - 0.80) / 0.2, 0, 1)  # shoulders
        wall = self.wall + 0.5 * px_mm
        outer_a, outer_b = max(a, 0.80 * self.a) + wall + 25 * up, max(b, 0.86 * self.b) + wall - 12 * up
        skin = (1 - self._radius(p, q, outer_a, outer_b)) * outer_b
        body = soft(skin, px_mm)
        tissue = np.where(skin < self.fat, -100 + 6 * fine, 48 + 6 * fine)
        inner = np.where(coarse + 0.4 * fine > 0.1, 42.0, -85.0)  # organs and fat between them
        below = z - self.base < np.where(p < 0, self.dome[0], self.dome[1]) * 0.9
        inner = np.where(below & (p < 20), 58 + 5 * fine, inner)
        tissue = np.where(rho < 1, inner, tissue)
        tissue = np.where(np.hypot(p - 26, q - 0.48 * self.b) < 13, self.blood, tissue)
        if z > self.carina:
            tissue = np.where(np.hypot(p + 18, q + 8) < 9, self.blood, tissue)
        tissue = np.where((rho < 1) & (heart > -5) & (heart <= 0) & ~below, -95.0, tissue)
        tissue = np.where(heart > 0, self.blood + 6 * fine, tissue)
        tissue = self._bone(tissue, z, p, q, rho, a, b)
        hu = -1000 + body * (tissue + 1000)
        if self.table:
            drop = gy - (outer_b + self.table_at - 0.0006 * gx**2)
            hu = np.where((np.abs(drop) < 2.5) & (np.abs(gx) < 210) & (skin < 0), -350, hu)
        labels = np.where(skin > 0, np.uint8(BODY), np.uint8(OUTSIDE))
        labels[(heart > 0) & (skin > 0)] = HEART
        return hu, labels, lung, rho, fine

    def _bone(self, tissue, z, p, q, rho, a, b):
        gain, whole = self.bones, (p, q)
        if z < self.apex:
            j, i = np.nonzero((rho > 1.02) & (rho < 1 + 10 / min(a, b)))
            rib = (z + self.rib_tilt * q[j, i] + self.rib_phase) % 26 < 11
            tissue[j[rib], i[rib]] = gain * 320
        at = 0.80 * self.b
        disc = (z + self.rib_phase) % 30 < 5
        j, i = np.nonzero((np.abs(p) < 21) & (q > at - 18))
        p, q, spine = p[j, i], q[j, i] - at, tissue[j, i]
        body = np.hypot(p / 20, q / 16)
        arch = np.hypot(p, q - 24)
        spine = np.where(body < 1, 85 if disc else gain * np.where(body > 0.85, 420, 190), spine)
        spine = np.where(arch < 12, np.where(arch < 8, 25, gain * 350), spine)
        tissue[j, i] = np.where((np.abs(p) < 5) & (np.abs(q - 44) < 12) & (not disc), gain * 330, spine)
        if 0.40 * self.height < z < 0.88 * self.height:
            tissue[np.hypot(whole[0] / 18, (whole[1] + b + 9) / 7) < 1] = gain * 210
        return tissue

    def _lungs(self, z, x, y, px_mm, lung, rho, fine):
        """What fills the lungs: HU and labels of every pixel (used where there is lung)."""
        gy = y[:, None]
        hu = self.lung_hu + self.gravity * gy / self.b + 9 * fine
        labels = np.full(hu.shape, LUNG, np.uint8)
        if self.low:
            threshold, low, drop, lean = self.low
            hu = hu - drop
            rise = lean * (2 * z / self.height - 1)
            holes = self.holes.slice(x, y, z) + rise
            hu = np.where(holes > threshold, low, hu)
            labels[holes > threshold] = EMPHYSEMA
        hu, labels = self._draw_patches(hu, labels, z, x, y, px_mm, GROUND_GLASS)
        start, end, radius = self.tubes
        near = (np.minimum(start[:, 2], end[:, 2]) - radius < z) & (z < np.maximum(start[:, 2], end[:, 2]) + radius)
        for i in np.flatnonzero(near):
            drawn = self._tube(x, y, z, start[i], end[i], radius[i], px_mm)
            if drawn:
                where, cover = drawn
                hu[where] += cover * (self.blood - hu[where])
        hu, labels = self._draw_patches(hu, labels, z, x, y, px_mm, CONSOLIDATION)
        for centre, r, value in self.spots:
            if abs(z - centre[2]) < r:
                where, cover = self._tube(x, y, z, centre, centre, r, px_mm) or (None, None)
                if where:
                    hu[where] += cover * (value - hu[where])
                    labels[where][cover > 0.5] = NODULE
        if self.fluid:
            for side, (level, value) in self.fluid.items():
                up = np.clip((z - self.base) / self.height, -0.1, 1)
                wet = (rho + 0.42 * gy / self.b - 0.85 * up > level) & (side * x[None, :] > 0)
                hu = np.where(wet, value, hu)
                labels[wet] = EFFUSION
        return hu, labels

    def _draw_patches(self, hu, labels, z, x, y, px_mm, kind):
        for label, centre, r, value, strength in self.patches:
            if label != kind or abs(z - centre[2]) >= 1.4 * r[2]:
                continue
            box = self._window(x, y, centre[:2] - 1.4 * r[:2], centre[:2] + 1.4 * r[:2], px_mm)
            if box is None:
                continue
            where, gx, gy = box
            far = np.sqrt(((gx - centre[0]) / r[0]) ** 2 + ((gy - centre[1]) / r[1]) ** 2 + ((z - centre[2]) / r[2]) ** 2)
            edge = 1 + 0.16 * self.edge.slice(gx[0], gy[:, 0], z)
            cover = strength * soft((edge - far) * r.min() / 2, px_mm)
            hu[where] += cover * (value - hu[where])
            labels[where][cover > 0.5 * strength] = label
        return hu, labels

    def slice(self, z, columns=256, px_mm=1.45, at_mm=(0.0, 0.0), rng=None, noise=None):
        """One axial slice as float32 HU and uint8 labels. `at_mm` is what lies in the middle of the picture; `rng` draws the
        noise (none without), `noise` its deviation in HU when it is not the body's own."""
        z, px_mm = float(z), float(px_mm)
        x = (at_mm[0] + (np.arange(columns) - (columns - 1) / 2) * px_mm).astype(np.float32)
        y = (at_mm[1] + (np.arange(columns) - (columns - 1) / 2) * px_mm).astype(np.float32)
        hu, labels, lung, rho, fine = self._body(z, x, y, px_mm)
        if lung.max() > -px_mm:
            inside, kinds = self._lungs(z, x, y, px_mm, lung, rho, fine)
            cover = soft(lung, px_mm)
            hu = hu + cover * (inside - hu)
            labels = np.where(lung > 0, kinds, labels)
        for start, end, r in self.airways:
            if min(start[2], end[2]) - r < z < max(start[2], end[2]) + r:
                drawn = self._tube(x, y, z, start, end, r, px_mm)
                if drawn:
                    where, cover = drawn
                    hu[where] += cover * (-990 - hu[where])
                    labels[where][cover > 0.5] = AIRWAY
        if self.bubble and abs(z - self.bubble[2]) < self.bubble[3]:
            where, cover = self._tube(x, y, z, self.bubble[:3], self.bubble[:3], self.bubble[3], px_mm) or (None, None)
            if where:
                inside = cover * (lung[where] < 0) * (labels[where] != HEART)
                hu[where] += inside * (-980 - hu[where])
        if rng is not None:
            hu = hu + self._grain(rng, columns, self.noise if noise is None else noise)
        return np.clip(hu, -1024, 3071).astype(np.float32), labels

    @staticmethod
    def _grain(rng, columns, noise):
        """Noise with the correlation of neighbours that every reconstruction has."""
        white = rng.standard_normal((columns + 1, columns + 1), np.float32)
        return noise / 2 * (white[:-1, :-1] + white[1:, :-1] + white[:-1, 1:] + white[1:, 1:])

    def positions(self, slices, low=0.02, high=1.0):
        """Heights of evenly spaced slices, feet first; low and high are parts of the height."""
        return self.height * (low + (high - low) * np.arange(slices) / max(slices - 1, 1))

    def volume(self, slices=40, columns=256, px_mm=None, at_mm=(0.0, 0.0), noise=None, low=0.02, high=1.0):
        """int16 HU and uint8 labels, [slice, row, column], feet first."""
        px_mm = 372 / columns if px_mm is None else px_mm
        rng = np.random.default_rng([self.seed, 3])
        pairs = [self.slice(z, columns, px_mm, at_mm, rng, noise) for z in self.positions(slices, low, high)]
        return np.stack([np.rint(h).astype(np.int16) for h, _ in pairs]), np.stack([l for _, l in pairs])
