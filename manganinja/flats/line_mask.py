# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels a line covers: for black, white, coloured, soft and aliased lines."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageChops

from ..errors import BadRequest
from ..files import eight_bit
from .pixels import looked_up

_FAINTEST = 24
"""Ink up to which a pixel is grain of the paper, of 255."""
_MOST_LINE = 0.9
"""Share of a picture that lines may cover."""
_RIDGE_PX = (2, 4, 8)
"""A faint line has paper on both sides within so many pixels."""
_LIT_PX = 200
"""Side of the picture that the light on a page is measured on."""
_LIT_SLACK = (90, 45, 25, 16, 12, 12)
"""How much darker than the light, in levels, paper may be, from the first fit to the last."""
_LEAST_LIT = 0.35
_LEAST_UNEVEN = 10
"""Levels that the light has to differ by."""
_COLOURED = 70
"""Levels between the channels of a coloured line."""
_LEAST_TRACED, _MOST_TRACED = 0.01, 0.5
"""Share of the ink that trace lines have."""
_TRACED_PX = 1500
"""Side of the picture in which trace lines are looked for."""
_PENCILLED, _LIGHT = 30, 190
"""Levels between the channels of pencil, and of its brightest one at least."""
_MOST_LINES = 0.35
"""Share of a page that lines cover; what covers more is a wash or a photo."""
_LEAST_PENCIL = 0.03
"""Share of all lines that pencil has."""
_LEAST_OUTSIDE = 0.08
"""Share of it that lies on the paper round the drawing."""
_PENCIL_NOTE = (
    "Pale lines that run over the outlines were taken for pencil and divide nothing. If they are "
    "meant to, have all lines count (in Krita: Lines; else --lines all)."
)
_TONE_NOTE = (
    "Dots side by side were taken for screentone and divide nothing. If they are meant to, have "
    "all lines count (in Krita: Lines; else --lines all)."
)
_LARGEST_DOT_PX, _FEWEST_DOTS = 16, 60
_SIZES = 0.7
"""Logarithm of how much larger one dot may be than another of the same tone."""
_TONE_REACH, _DOTS_BESIDE = 6.0, 9
"""Within so many roots of a dot's area to each side there are so many of them."""
_FULL, _DARKEST = 0.8, 0.95
"""Shares of the ink that are no darker than a usual line, and than the darkest."""
_LEAST_INK = 96
"""How dark ink is at least, of 255."""
_DARK, _PALE, _EVEN = 0.7, 0.55, 0.3
"""Beside the darkest lines: ink is darker, grey pencil paler, and it differs by less."""
_SOLID, _ENCLOSED = 0.85, 0.4
"""Beside what they were: how strong pencil still is without what is one pixel wide, and how much is
enclosed without pencil."""
_LEAST_RIDGE_PX = 16
"""A faint line that touches no plain one is at least so long; what is shorter is dirt."""


def ink(lineart: Image.Image, coloured: bool = True) -> np.ndarray:
    """How far each pixel is from bare paper.

    Unlike :func:`manganinja.lineart.line_strength`, which looks at brightness as the networks do,
    this sees a yellow trace line on white as well as a black one: the channel that differs most
    from the paper counts.

    Args:
        coloured: whether such a line counts; else the channel that differs least does.

    Returns:
        (H, W) uint8, 0 = paper, 255 = full line.
    """
    lineart = eight_bit(lineart)
    if lineart.mode in ("1", "L") and not lineart.has_transparency_data:
        grey = np.asarray(lineart.convert("L"))
        return _from_paper(grey[..., None])
    if not lineart.has_transparency_data:
        return _from_paper(np.asarray(lineart.convert("RGB")), coloured=coloured)
    rgba = np.asarray(lineart.convert("RGBA"))
    alpha = cv2.extractChannel(rgba, 3)
    solid = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1]
    covered = cv2.countNonZero(solid) / max(1, alpha.size)
    if covered == 1 or alpha.min(initial=255) >= 64:
        return _from_paper(rgba[..., :3], coloured=coloured)
    if covered > _MOST_LINE and not _has_fills(rgba, alpha):
        # A page with a hole in it.
        return cv2.bitwise_and(_from_paper(rgba[..., :3], solid, coloured), solid)
    if not coloured:
        return cv2.multiply(255 - rgba[..., :3].max(axis=2), alpha, scale=1 / 255)
    if _has_fills(rgba, alpha):
        return cv2.multiply(255 - rgba[..., :3].min(axis=2), alpha, scale=1 / 255)
    return alpha


def _has_fills(rgba: np.ndarray, alpha: np.ndarray) -> bool:
    """Whether a transparent layer has white areas inside its lines, which are paper."""
    solid = alpha > 250
    if not solid.any():
        return False
    sample = rgba[::4, ::4, :3][solid[::4, ::4]]
    if not len(sample):
        return False
    white = (sample.min(axis=1) > 230).mean()
    return 0.05 < white < 0.995


def _median(grey: np.ndarray, mask: np.ndarray | None = None) -> int:
    counts = cv2.calcHist([grey], [0], mask, [256], [0, 256]).ravel()
    return int(np.searchsorted(counts.cumsum(), counts.sum() / 2))


def _from_paper(
    rgb: np.ndarray, mask: np.ndarray | None = None, coloured: bool = True
) -> np.ndarray:
    """Largest difference of a channel from the paper (of what is not ``coloured``, the least),
    which is what most of the picture (where ``mask`` is set) is.

    Args:
        rgb: (H, W, 1 or 3) uint8.
    """
    channels = cv2.split(rgb)
    papers = [_median(channel, mask) for channel in channels]
    if mask is None and min(papers) >= 128:
        channels = [_evenly_lit(*known) for known in zip(channels, papers, strict=True)]
    differences = [
        cv2.absdiff(channel, np.full_like(channel, paper))
        for channel, paper in zip(channels, papers, strict=True)
    ]
    among = np.asarray(differences)
    farthest = among.max(axis=0) if coloured else among.min(axis=0)
    reach = max(max(paper, 255 - paper) for paper in papers)
    return farthest if reach >= 250 else cv2.convertScaleAbs(farthest, alpha=255 / reach)


def _evenly_lit(channel: np.ndarray, paper: int) -> np.ndarray:
    """A photographed page as if the light were the same everywhere.

    What the paper looks like is a quadratic in x and y, fitted to what is no darker than it; ink,
    black areas included, lies below and is left out of the fit.
    """
    height, width = channel.shape
    scale = _LIT_PX / max(height, width, _LIT_PX)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(channel, size, interpolation=cv2.INTER_AREA).astype(np.float64)
    if min(size) < 8:
        return channel
    ys, xs = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    terms = np.stack([np.ones_like(xs), xs, ys, xs * xs, xs * ys, ys * ys], axis=-1)
    flat, seen = terms.reshape(-1, 6), small.ravel()
    light = np.full(len(seen), float(paper))
    for slack in _LIT_SLACK:
        bright = seen > light - slack
        if bright.mean() < _LEAST_LIT:
            return channel
        light = flat @ np.linalg.lstsq(flat[bright], seen[bright], rcond=None)[0]
    if np.ptp(light) < _LEAST_UNEVEN:
        return channel
    # Where the fit is no paper but a guess, the page is no photo.
    if np.abs(seen - light)[seen > light - _LIT_SLACK[-1]].mean() > _LEAST_UNEVEN / 2:
        return channel
    there = cv2.resize(light.reshape(size[::-1]).astype(np.float32), (width, height))
    even = channel.astype(np.float32) * (paper / np.maximum(there, 1))
    # The ground is a level or two off here and there, which is no ink.
    even[np.abs(even - paper) <= _LIT_SLACK[-1] / 2] = paper
    return np.clip(np.rint(even), 0, 255).astype(np.uint8)


def drawn_lines(
    lineart: Image.Image, counted: str = "coloured"
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The lines that count.

    Args:
        counted: "all" that is drawn; "coloured": without what is :func:`pencil` or
            :func:`screentone`; or "ink" alone, black or nearly so, without coloured and pale lines.

    Returns:
        (H, W) uint8, 255 = line, else 0; and sentences for the artist of what was left out.

    Raises:
        BadRequest: as :func:`line_mask`.
    """
    lineart = _plain(lineart)
    strength = ink(lineart, coloured=counted != "ink")
    lines = _inked(strength) if counted == "ink" else line_mask(strength)
    if counted == "all":
        return lines, ()
    notes = []
    if counted == "coloured":
        drawn_over = pencil(lineart, lines)
        if drawn_over is None:
            drawn_over = grey_pencil(strength, lines)
        if drawn_over is not None:
            lines = np.where(drawn_over, np.uint8(0), lines)
            notes.append(_PENCIL_NOTE)
    dots = screentone(lines)
    if dots is not None:
        lines = np.where(dots, np.uint8(0), lines)
        notes.append(_TONE_NOTE)
    return lines, tuple(notes)


def _plain(lineart: Image.Image) -> Image.Image:
    """In one channel, if nothing is coloured or transparent."""
    lineart = eight_bit(lineart)
    if lineart.mode != "RGB" or lineart.has_transparency_data:
        return lineart
    red, green, blue = lineart.split()
    coloured = any(ImageChops.difference(red, other).getbbox() for other in (green, blue))
    return lineart if coloured else red


def screentone(lines: np.ndarray) -> np.ndarray | None:
    """Dots of screentone: solid, small, as large as those beside them, and many.

    Args:
        lines: (H, W) uint8 mask of lines.

    Returns:
        (H, W) bool, what of the mask is screentone; None where there is none.
    """
    count, found, stats, middles = cv2.connectedComponentsWithStats(lines, connectivity=8)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    area = stats[:, cv2.CC_STAT_AREA]
    dot = (sides.max(axis=1) <= _LARGEST_DOT_PX) & (2 * area >= sides.prod(axis=1))
    dot[0] = False
    if np.count_nonzero(dot) < _FEWEST_DOTS:
        return None
    at = np.flatnonzero(dot)
    logs, tone = np.log(area[at]), np.zeros(count, bool)
    # Dots of about one size at a time; half of each class lies in the next as well.
    for low in np.arange(0.0, float(logs.max()) + _SIZES, _SIZES / 2):
        alike = at[(logs >= low) & (logs < low + _SIZES)]
        if len(alike) < _FEWEST_DOTS:
            continue
        side = float(np.sqrt(area[alike].mean()))
        reach = 2 * int(np.ceil(_TONE_REACH * side)) + 1
        x, y = middles[alike].astype(np.int64).T
        places = np.zeros(lines.shape, np.float32)
        places[y, x] = 1
        near = cv2.boxFilter(places, -1, (reach, reach), normalize=False)
        places[near < _DOTS_BESIDE] = 0
        # At its rim a tone has fewer.
        tone[alike[cv2.dilate(places, np.ones((reach, reach), np.uint8))[y, x] > 0]] = True
    if np.count_nonzero(tone) < _FEWEST_DOTS:
        return None
    return looked_up(tone, np.asarray(found))


def _inked(strength: np.ndarray) -> np.ndarray:
    """Where a pixel is so dark as ink is at its edge, and pencil under it hardly ever."""
    full = _usual_strength(strength, _DARKEST)
    if full < _LEAST_INK:
        raise BadRequest(
            "The line art has no dark lines.",
            "Have coloured lines count as well (in Krita: Lines), or choose another layer.",
        )
    return cv2.threshold(strength, 2 * full // 5, 255, cv2.THRESH_BINARY)[1]


def _usual_strength(strength: np.ndarray, share: float) -> int:
    """The strength that so large a share of what is inked does not reach; 0 where nothing is."""
    counts = cv2.calcHist([strength], [0], None, [256], [0, 256]).ravel()
    counts[: _FAINTEST + 1] = 0
    inked = counts.sum()
    if inked < max(1.0, 1e-5 * strength.size):
        return 0
    return int(np.searchsorted(counts.cumsum(), inked * share))


def line_mask(strength: np.ndarray) -> np.ndarray:
    """Where a line covers the pixel at least half, and the middle of fainter lines.

    "Half" is half of what this drawing's lines reach, so that pencil is seen as well as ink. Hairs,
    tips and pale trace lines beside bold ones reach half of that.

    Args:
        strength: (H, W) uint8 from :func:`ink`.

    Returns:
        (H, W) uint8, 255 = line, else 0.

    Raises:
        BadRequest: there are no lines, or hardly anything else.
    """
    full = _usual_strength(strength, _FULL)
    if not full:
        raise BadRequest(
            "The line art is empty.", "Choose the layer that has the lines, or draw on it first."
        )
    threshold = max(_FAINTEST, full // 2)
    mask = cv2.threshold(strength, threshold, 255, cv2.THRESH_BINARY)[1]
    mask = _with_faint_lines(mask, strength, max(_FAINTEST, full // 4))
    if cv2.countNonZero(mask) > _MOST_LINE * mask.size:
        raise BadRequest(
            "The line art is almost all ink: there is nothing to fill.",
            "Choose the layer that has the lines; a finished picture is not line art.",
        )
    return mask


def folds_shades(tones: str, lineart: Image.Image, counted: str) -> bool:
    """Whether a material's shadow is one colour with its light: where the artist says so, or where
    nothing in the line art divides a shadow from its flat.

    Args:
        tones: one of the wire's TONES.
        counted: as for :func:`drawn_lines`.
    """
    if tones != "drawn":
        return tones == "one"
    if max(lineart.size) > _TRACED_PX:
        scale = _TRACED_PX / max(lineart.size)
        width, height = (max(1, round(side * scale)) for side in lineart.size)
        lineart = lineart.resize((width, height), Image.Resampling.NEAREST)
    try:
        return not has_trace_lines(lineart, drawn_lines(lineart, counted)[0])
    except BadRequest:
        return True


def has_trace_lines(lineart: Image.Image, mask: np.ndarray) -> bool:
    """Whether some lines are coloured among dark ones: they divide a shadow from its flat, as in
    animation.

    Args:
        mask: (H, W) uint8 from :func:`line_mask`.
    """
    rgba = np.asarray(eight_bit(lineart).convert("RGBA"))
    covered = (mask > 0) & (rgba[..., 3] >= 128)
    inked = rgba[..., :3][covered].astype(np.int16)
    if not len(inked):
        return False
    coloured = float((np.ptp(inked, axis=1) >= _COLOURED).mean())
    return _LEAST_TRACED <= coloured <= _MOST_TRACED


def pencil(lineart: Image.Image, mask: np.ndarray) -> np.ndarray | None:
    """Lines of a construction drawing in light coloured pencil under ink, which divide nothing.

    Trace lines are coloured too, but begin and end within the outlines. What is pencil runs over
    them, onto the paper round the drawing.

    Args:
        mask: (H, W) uint8 from :func:`line_mask`.

    Returns:
        (H, W) bool, what of the mask is pencil; None where there is none.
    """
    if np.count_nonzero(mask) > _MOST_LINES * mask.size:
        return None
    lineart = eight_bit(lineart)
    if lineart.mode in ("1", "L", "LA"):
        return None
    red, green, blue, alpha = cv2.split(np.asarray(lineart.convert("RGBA")))
    highest = cv2.max(cv2.max(red, green), blue)
    coloured = cv2.subtract(highest, cv2.min(cv2.min(red, green), blue)) >= _PENCILLED
    covered = (mask > 0) & (np.asarray(alpha) >= 128)
    light, inked = covered & coloured & (highest >= _LIGHT), covered & (highest < _LIGHT)
    pencil_px, whole = np.count_nonzero(light), np.count_nonzero(covered)
    if (
        pencil_px < _LEAST_PENCIL * whole
        or np.count_nonzero(inked) < pencil_px / 4
        or not pencil_px
    ):
        return None
    outside = np.count_nonzero(light & _outside(inked))
    return light if outside >= _LEAST_OUTSIDE * pencil_px else None


def grey_pencil(strength: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Lines of a construction drawing in grey pencil under ink, as :func:`pencil`.

    Soft lines and hairlines are grey as well. Pencil is about as pale everywhere, beside ink that
    is dark, with hardly anything between them; it is wider than a pixel, so that it isn't pale for
    being thin; and ink alone encloses much of what both do.

    Args:
        strength: (H, W) uint8 from :func:`ink`.
        mask: (H, W) uint8 from :func:`line_mask`.
    """
    if np.count_nonzero(mask) > _MOST_LINES * mask.size:
        return None
    full = _usual_strength(strength, _DARKEST)
    inked = strength >= _DARK * full
    # The soft edge of ink is as pale as pencil.
    beside = cv2.dilate(inked.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    apart = (mask > 0) & ~beside
    middle = apart & (strength >= cv2.dilate(strength, np.ones((3, 3), np.uint8)))
    middle_px, ink_px = np.count_nonzero(middle), np.count_nonzero(inked)
    if full < _LEAST_INK or middle_px < 2 * _LEAST_PENCIL * ink_px:
        return None
    if ink_px < np.count_nonzero(apart) / 4:
        return None
    low, high = np.percentile(strength[middle], (10, 90))
    if high > _PALE * full or high - low > _EVEN * full:
        return None
    # What is one pixel wide does not outlive an opening.
    opened = cv2.morphologyEx(strength, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    if np.count_nonzero(middle & (opened >= _SOLID * strength)) < middle_px / 2:
        return None
    outer, bare = _outside(inked), mask == 0
    enclosed, with_all = (np.count_nonzero(bare & ~out) for out in (outer, _outside(mask > 0)))
    if enclosed < _ENCLOSED * with_all:
        return None
    outside = np.count_nonzero(middle & outer)
    return apart if outside >= _LEAST_OUTSIDE * middle_px else None


def _outside(inked: np.ndarray) -> np.ndarray:
    """(H, W) bool: what ink (H, W) bool does not divide from the page's edge."""
    walls = cv2.dilate(inked.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, found = cv2.connectedComponents(1 - walls, connectivity=4)
    rooms = np.asarray(found, np.int32)
    edge = np.concatenate([rooms[0], rooms[-1], rooms[:, 0], rooms[:, -1]])
    outer = np.zeros(int(rooms.max()) + 1, bool)
    outer[edge] = True
    outer[0] = False
    return looked_up(outer, rooms)


def _with_faint_lines(mask: np.ndarray, strength: np.ndarray, faintest: int) -> np.ndarray:
    """The mask and the ridges of ink between paper; the soft edge of a bold line or a wash of grey
    may be as faint as a hair, but they are no ridges."""
    reach = _RIDGE_PX[-1]
    fenced = np.pad(strength, reach)
    height, width = strength.shape
    half, ridge = strength // 2, np.zeros_like(strength)
    for far in _RIDGE_PX:
        for down, right in ((0, far), (far, 0), (far, far), (far, -far)):
            beside = [
                fenced[reach + y : reach + y + height, reach + x : reach + x + width]
                for y, x in ((down, right), (-down, -right))
            ]
            cv2.bitwise_or(ridge, cv2.compare(cv2.max(*beside), half, cv2.CMP_LT), dst=ridge)
    faint = cv2.threshold(strength, faintest, 255, cv2.THRESH_BINARY)[1]
    faint = cv2.bitwise_and(faint, ridge)
    if not cv2.countNonZero(cv2.subtract(faint, mask)):
        return mask
    both = cv2.bitwise_or(mask, faint)
    count, found, stats, _ = cv2.connectedComponentsWithStats(both, connectivity=8)
    parts = np.asarray(found, np.int32)
    large = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= _LEAST_RIDGE_PX
    bold = np.zeros(count, bool)
    bold[parts[mask > 0]] = True
    bold[0] = large[0] = False
    return looked_up(np.where(large | bold, np.uint8(255), np.uint8(0)), parts)
