# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""The face: its outline, eyes, brows, nose, mouth."""

from __future__ import annotations

import numpy as np

from .canvas import SHADOW
from .frame import BANGS, FACE, FEATURE, SIDES, HeadFrame
from .geometry import Points, ellipse, mirrored, smooth, star, tube

_PROFILE = (
    (0.0, -1.1),
    (0.58, -0.98),
    (0.92, -0.5),
    (0.96, 0.05),
    (0.95, 0.22),
    (1.1, 0.46),
    (1.07, 0.53),
    (0.95, 0.58),
    (0.98, 0.7),
    (0.91, 0.78),
    (0.92, 0.86),
    (0.8, 1.06),
    (0.5, 1.08),
    (-0.05, 0.9),
    (-0.7, 0.5),
    (-0.98, 0.0),
    (-0.94, -0.5),
    (-0.58, -0.95),
)
"""A face that looks to the right, seen from the side."""


class Face(HeadFrame):
    """A face with an expression."""

    def build(self) -> None:
        """Add the face; from behind it is only the head's shape."""
        self.face()
        if self.pose.back:
            return
        self.eyes()
        self.features()
        for mark in self.pose.marks:
            getattr(self, mark)()

    @property
    def edge(self) -> tuple[str, ...]:
        """What features are cut to where the face turns far away."""
        return ("face",) if abs(self.pose.turn) > 0.5 else ()

    def face(self) -> None:
        d = self.d
        if self.hidden_side:
            profile = smooth([(x * self.hidden_side, y) for x, y in _PROFILE])
            self.sheet.fill(FACE, "face", profile, shade=0.1)
            return
        half = [
            (0.0, -1.1),
            (0.58, -0.95),
            (0.94, -0.45),
            (0.98, 0.1),
            (d.cheek, 0.52),
            ((d.cheek + d.chin) * 0.52, 0.86),
            (d.chin * 0.5, 1.04),
            (0.0, 1.08),
        ]
        points = smooth(mirrored(half))
        lower = np.clip((points[:, 1] + 0.3) / 1.4, 0, 1)
        points[:, 0] += self.sin * 0.22 * lower - self.sin * 0.06
        self.sheet.fill(FACE, "face", points, shade=0.1)

    def eye_shape(self, side: int, squeeze: float = 1.0) -> Points:
        w, h = self.d.eye_width, self.d.eye_height * squeeze
        slant = self.d.eye_slant * w
        # Outer corner first; `side` points outwards.
        p = np.array(
            [
                (w, 0.05 * h - slant),
                (w * 0.6, -h * 0.85 - slant * 0.5),
                (0, -h),
                (-w * 0.7, -h * 0.7),
                (-w, 0.15 * h + slant * 0.5),
                (-w * 0.5, h * 0.85),
                (w * 0.1, h),
                (w * 0.7, h * 0.7),
            ]
        )
        p[:, 0] *= side
        return smooth(p, samples=5) + (side * self.d.eye_apart, 0.22)

    def eyes(self) -> None:
        for side, name in SIDES:
            patched = self.d.glasses == "patch" and side == self.d.ornament_side
            if patched or side == self.hidden_side:
                continue
            kind = self.pose.eyes
            if kind == "wink":
                kind = "closed" if side == 1 else "open"
            if kind in ("open", "half"):
                self.open_eye(side, name)
            else:
                self.closed_eye(side, kind)
            self.brow(side, name)

    def closed_eye(self, side: int, kind: str) -> None:
        x, w = side * self.d.eye_apart, self.d.eye_width

        def stroke(points: list[tuple[float, float]], line: float = 1.6) -> None:
            self.sheet.ink(FEATURE, self.turned(smooth(points, closed=False)), line=line)

        if kind == "happy":
            stroke([(x - w, 0.36), (x, 0.14), (x + w, 0.36)])
        elif kind == "squeezed":
            stroke([(x + side * w, 0.1), (x - side * w * 0.5, 0.25)])
            stroke([(x - side * w * 0.5, 0.25), (x + side * w, 0.4)])
        else:
            stroke([(x - w, 0.26), (x, 0.4), (x + w, 0.26)])
            for k in (0.45, 0.75, 1.0):
                root = (x + side * w * k, 0.39 - 0.12 * k * k)
                stroke([root, (root[0] + side * 0.07, root[1] + 0.09)], 0.8)

    def open_eye(self, side: int, name: str) -> None:
        d, white = self.d, f"eye_{name}"
        outline = self.eye_shape(side, 0.5 if self.pose.eyes == "half" else 1.0)
        self.sheet.fill(FEATURE, white, self.turned(outline), line=0.6, shade=0, clip=self.edge)
        cx = side * d.eye_apart + self.pose.gaze[0] * d.eye_width
        cy = 0.22 + self.pose.gaze[1] * d.eye_height
        r = min(d.eye_width, d.eye_height) * d.iris
        rx, ry = min(r, d.eye_width * 0.85), max(r, d.eye_height * d.iris)
        iris = ellipse(cx, cy, rx, ry)
        self.sheet.fill(
            FEATURE + 1, f"iris_{name}", self.turned(iris), line=0.6, clip=(white,), shade=0
        )
        inner = (f"iris_{name}",)
        upper = ellipse(cx, cy - ry * 0.75, rx * 1.1, ry * 0.8)
        self.sheet.tone(FEATURE + 1.5, self.turned(upper), inner, SHADOW)
        pupils = {
            "round": ellipse(cx, cy, rx * 0.45, ry * 0.5),
            "slit": ellipse(cx, cy, rx * 0.22, ry * 0.75),
            "star": star(cx, cy, rx * 0.7),
        }
        if d.pupil in pupils:
            self.sheet.fill(
                FEATURE + 2,
                f"pupil_{name}",
                self.turned(pupils[d.pupil]),
                line=0.4,
                clip=inner,
                shade=0,
            )
        shine = ellipse(cx - rx * 0.35, cy - ry * 0.42, rx * 0.34, ry * 0.26, 14)
        self.sheet.fill(
            FEATURE + 3,
            f"shine_{name}",
            self.turned(shine),
            line=0.4,
            clip=(white, f"iris_{name}", f"pupil_{name}"),
            shade=0,
        )
        lash = outline[: 5 * 4 + 1] + (0, -0.01)
        tip = lash[:1] + (side * 0.07, -0.05)
        self.sheet.ink(FEATURE + 4, self.turned(np.concatenate([tip, lash])), line=2.4)

    def brow(self, side: int, name: str) -> None:
        x, y = side * self.d.eye_apart, 0.14 - self.d.eye_height - 0.12
        lift = self.pose.brows
        line = smooth(
            [
                (x - side * 0.2, y + 0.05 + lift * 0.3),
                (x + side * 0.05, y - 0.04),
                (x + side * 0.27, y + 0.05 - lift * 0.2),
            ],
            closed=False,
            samples=5,
        )
        if self.d.brow == "thin":
            self.sheet.ink(74, self.turned(line), line=1.3)
        elif self.d.brow == "thick":
            self.sheet.fill(
                74,
                f"brow_{name}",
                self.turned(tube(line[::3], (0.03, 0.065, 0.05, 0.015), 3)),
                line=0.5,
                shade=0,
            )
        elif self.d.brow == "dots":
            dot = ellipse(x - side * 0.05, y, 0.09, 0.07)
            self.sheet.fill(74, f"brow_{name}", self.turned(dot), line=0.5, shade=0)

    def features(self) -> None:
        d, sheet = self.d, self.sheet
        if self.hidden_side:
            pass
        elif d.nose == "dot":
            sheet.blot(FEATURE, self.turned(ellipse(0, 0.5, 0.025, 0.02, 10), 1.0))
        elif d.nose == "line":
            sheet.ink(FEATURE, self.turned(np.array([(0.0, 0.4), (0.03, 0.47), (0.04, 0.55)]), 1.0))
        elif d.nose == "corner":
            nose = np.array([(0.0, 0.38), (0.05, 0.5), (0.06, 0.55), (0.0, 0.57), (-0.04, 0.56)])
            sheet.ink(FEATURE, self.turned(nose, 1.0))
        self.mouth()
        for side, name in SIDES:
            if side == self.hidden_side:
                continue
            x = side * (d.eye_apart + 0.12)
            if d.blush == "oval":
                oval = ellipse(x, 0.58, 0.17, 0.09, 16)
                sheet.fill(
                    FEATURE - 1, f"blush_{name}", self.turned(oval), line=0, clip=("face",), shade=0
                )
            elif d.blush == "lines":
                for k in (-0.09, 0.0, 0.09):
                    mark = np.array([(x + k + 0.03, 0.52), (x + k, 0.57), (x + k - 0.03, 0.62)])
                    sheet.ink(FEATURE - 1, self.turned(mark), line=0.6)

    def mouth(self) -> None:
        kind, sheet, y = self.pose.mouth, self.sheet, 0.76

        def stroke(points: list[tuple[float, float]]) -> None:
            sheet.ink(
                FEATURE, self.turned(smooth(points, closed=False), 0.9), line=1.1, clip=self.edge
            )

        if kind == "smile":
            stroke([(-0.18, y - 0.03), (0, y + 0.05), (0.18, y - 0.03)])
        elif kind == "flat":
            stroke([(-0.13, y), (0, y - 0.01), (0.13, y)])
        elif kind == "frown":
            stroke([(-0.14, y + 0.05), (0, y - 0.03), (0.14, y + 0.05)])
        elif kind == "cat":
            stroke(
                [
                    (-0.2, y - 0.03),
                    (-0.1, y + 0.05),
                    (0, y - 0.03),
                    (0.1, y + 0.05),
                    (0.2, y - 0.03),
                ]
            )
        elif kind == "wavy":
            x = np.linspace(-0.2, 0.2, 7)
            stroke(list(zip(x.tolist(), (y + 0.03 * np.cos(x * 45)).tolist())))
        elif kind == "tongue":
            tip = smooth([(-0.02, y + 0.03), (0.13, y), (0.14, y + 0.12), (0.04, y + 0.15)])
            sheet.fill(FEATURE, "tongue", self.turned(tip, 0.9), line=0.7, shade=0)
            stroke([(-0.18, y - 0.03), (0, y + 0.05), (0.18, y - 0.03)])
        else:
            self.open_mouth(kind, y)

    def open_mouth(self, kind: str, y: float) -> None:
        if kind in ("grin", "gritted"):
            lips = smooth(
                [
                    (-0.26, y - 0.08),
                    (0, y - 0.05),
                    (0.26, y - 0.08),
                    (0.16, y + 0.07),
                    (0, y + 0.11),
                    (-0.16, y + 0.07),
                ]
            )
            self.sheet.fill(
                FEATURE, "teeth", self.turned(lips, 0.9), line=0.8, shade=0, clip=self.edge
            )
            line = np.array([(-0.22, y + 0.01), (0, y + 0.03), (0.22, y + 0.01)])
            self.sheet.ink(FEATURE + 1, self.turned(line, 0.9), clip=("teeth",), line=0.5)
            for k in (-0.12, 0.0, 0.12) if kind == "gritted" else ():
                gap = np.array([(k, y - 0.1), (k, y), (k, y + 0.12)])
                self.sheet.ink(FEATURE + 1, self.turned(gap, 0.9), clip=("teeth",), line=0.5)
            return
        if kind == "oh":
            lips = ellipse(0, y, 0.09, 0.11)
        else:
            lips = smooth(
                [
                    (-0.2, y - 0.08),
                    (0, y - 0.05),
                    (0.2, y - 0.08),
                    (0.13, y + 0.1),
                    (0, y + 0.16),
                    (-0.13, y + 0.1),
                ]
            )
        if kind == "laugh":
            lips = lips * (1.35, 1.5) - (0, y * 0.5 - 0.02)
        self.sheet.fill(FEATURE, "mouth", self.turned(lips, 0.9), line=0.8, shade=0, clip=self.edge)
        if kind == "laugh":
            row = np.array([(-0.4, y - 0.2), (0.4, y - 0.2), (0.4, y - 0.03), (-0.4, y - 0.03)])
            row = self.turned(row, 0.9)
            self.sheet.fill(FEATURE + 0.5, "teeth", row, line=0.4, clip=("mouth",), shade=0)
        tongue = ellipse(0.0, y + 0.15, 0.12, 0.1)
        self.sheet.fill(
            FEATURE + 1, "tongue", self.turned(tongue, 0.9), line=0.4, clip=("mouth",), shade=0
        )

    # ---- signs of feeling

    def tears(self) -> None:
        """Drops under the eyes, or streams down the cheeks."""
        for side, name in SIDES:
            if side == self.hidden_side:
                continue
            x, y = side * (self.d.eye_apart + 0.08), 0.2 + self.d.eye_height
            if self.pose.layout % 2:
                tear = smooth([(x, y), (x + 0.08, y + 0.16), (x, y + 0.24), (x - 0.08, y + 0.16)])
            else:
                edge = [(x - 0.09, y - 0.04), (x + 0.09, y - 0.04), (x + 0.12, 1.2), (x - 0.1, 1.2)]
                tear = np.array(edge)
            part = f"tear_{name}"
            self.sheet.fill(FEATURE + 6, part, self.turned(tear), line=0.6, clip=("face",), shade=0)

    def sweat(self) -> None:
        """A drop at the temple."""
        side = -self.hidden_side or self.d.ornament_side
        drop = smooth([(0.8, -0.5), (0.9, -0.28), (0.8, -0.16), (0.7, -0.28)])
        self.sheet.fill(BANGS + 7, "sweat", self.turned(drop * (side, 1)), line=0.7, shade=0)

    def anger(self) -> None:
        """The mark of a swollen vein."""
        mark = star(-0.62 * self.d.ornament_side, -0.62, 0.26, 4, 0.4)
        self.sheet.fill(BANGS + 7, "anger", self.turned(mark, 0.5), line=0.7, shade=0)

    def flush(self) -> None:
        """Red across the nose."""
        x = np.linspace(-0.75, 0.75, 9)
        band = np.stack([x, 0.44 + 0.03 * np.cos(x * 9)], axis=1)
        area = np.concatenate([band, band[::-1] + (0.0, 0.15)])
        part = self.turned(area)
        self.sheet.fill(FEATURE - 0.5, "flush", part, line=0, clip=("face",), shade=0)
