"""Every line of the requirements that is built so far is named by a test."""
import pathlib
import re

BUILT = (
    "A1 A3 A4 A5 A6 C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 D1 D2 D3 E1 E2 E3 E4 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 "
    "G1 G2 G3 G4 G5 G7 G8 G9 G10 G11 G12 G13 G14 G15 G16 G17 G18 G19 G20 G21 H1 H2 H3 H4 I1 I2 I3 U10 U12 "
    "X1 X2 X3 X4 X5 X6 X8 X9 X11 X12 X13 X14 X15 X16 X21 X23 X27 X28 Y1 Y2 Y3 Y4 Y5"
).split()


def test_every_line_has_a_test_that_names_it():
    named = set()
    for path in pathlib.Path(__file__).parent.glob("test_*.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M):
            named |= set(re.findall(r"(?<=_)([A-Z]\d+)(?=_|$)", name))
    assert sorted(set(BUILT) - named) == []
