"""Every line of the requirements that is built so far is named by a test."""
import pathlib
import re

BUILT = (
    "A1 A3 A4 A5 A6 C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 D1 D2 D3 E1 E2 E3 E4 F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 "
    "G1 G2 G3 G4 G5 G7 G8 G9 G10 G11 G12 G13 G14 G15 G16 G17 G18 G19 G20 G21 H1 H2 H3 H4 I1 I2 I3 P7 "
    "J1 J2 J3 J4 J5 J6 J7 J8 J9 K1 K2 K3 K4 K5 K6 K7 K8 K9 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 M1 M2 M3 M4 M5 M6 M7 M8 "
    "N1 N2 N3 N4 N5 N6 N7 N8 N9 N10 N11 O1 O2 O3 P6 Q1 Q2 Q3 Q4 Q5 Q6 Q7 Q8 Q9 Q10 "
    "R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 S1 S2 S3 S4 S5 T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 "
    "U1 U2 U3 U4 U5 U6 U7 U8 U9 U10 U11 U12 V1 V2 V3 V4 "
    "W1 W2 W3 W4 W5 W6 W7 W8 W9 W10 W11 W12 W13 W14 "
    "X1 X2 X3 X4 X5 X6 X7 X8 X9 X10 X11 X12 X13 X14 X15 X16 X17 X18 X19 X20 X21 X22 X23 X24 X25 X26 X27 X28 Y1 Y2 Y3 Y4 Y5"
).split()


def in_name(name):
    """test_T2_to_T5_T8_a_case names T2, T3, T4, T5 and T8."""
    for letter, first, last in re.findall(r"(?<=_)([A-Z])(\d+)(?:_to_\1(\d+))?(?=[a-z]?_|$)", name):
        yield from (f"{letter}{n}" for n in range(int(first), int(last or first) + 1))


def test_every_line_has_a_test_that_names_it():
    """In the name of a test, or as "R11:" at the head of its docstring (Python), comment (C) or name (of the page)."""
    named = set()
    for path in (pathlib.Path(__file__).parent.parent / "web").glob("*.test.mjs"):
        for name in re.findall(r"""^test\((['"`])(.*?)\1,""", path.read_text(encoding="utf-8"), re.M):
            named.update(re.findall(r"\b([A-Z]\d+)[a-z]?(?=[:,])", name[1]))
    for path in pathlib.Path(__file__).parent.glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for name, rest in re.findall(r"^def (test_\w+)(.*?)(?=^\S|\Z)", text, re.M | re.S):
            named.update(in_name(name))
            for doc in re.findall(r'^    """(.*?)"""', rest, re.M | re.S)[:1]:
                named.update(re.findall(r"\b([A-Z]\d+)[a-z]?(?=[:,])", doc))
    for path in (pathlib.Path(__file__).parent.parent / "unit").glob("t-*.c"):
        for comment in re.findall(r"^/\* (.*?)\*/", path.read_text(encoding="utf-8"), re.M | re.S)[1:]:
            named.update(re.findall(r"\b([A-Z]\d+)[a-z]?(?=[:,])", comment))
    assert sorted(set(BUILT) - named) == []
