# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blobs of a region that reaches the page's edge are paper, and which the drawing's.

An outline with an opening runs together with the paper round it. What tells a figure's inside from
the paper, and from a nook of it between two legs: whether there is ink on all sides, how wide the
way out is beside the place itself, and how likely a line was meant on that way. Fitted on the pages
that :mod:`.leaks` is fitted on, and lies in ``paper.json``.
"""

from __future__ import annotations

import heapq

import numpy as np

from .judge import load_judge
from .leaks import Blobs

FEATURES = (
    "on the edge",
    "share of its outline on the edge",
    "share of its outline in ink",
    "doubt of the way out",
    "width of the way out, beside it",
    "passages to go",
    "radius beside the page",
    "radius in lines",
    "ink on how many sides",
    "ink on the least surrounded tenth",
    "distance from the edge",
)
"""What is known of a blob, in the order of ``paper.json``."""

_LOOKED_PX = 360
"""Side of the picture on which ink is looked for on all sides."""
_FARTHEST = 8.0
_ROUNDS = 12
_COUPLED = 0.6
"""How much passages count beside what is known of each blob, which has seen some of them."""


def paper_likely(blobs: Blobs) -> np.ndarray:
    """(blobs + 1,) float: how likely each blob is paper; NaN where no way leads to the page's
    edge, so that nothing is known of it."""
    asked, evidence = paper_evidence(blobs)
    found = np.full(blobs.count + 1, np.nan)
    if not len(asked):
        return found
    own = np.zeros(len(found))
    own[asked] = load_judge("paper", FEATURES).logits(evidence)
    ends, leak, _ = _passages(blobs)
    there = np.zeros(len(found), bool)
    there[asked] = True
    kept = there[ends].all(axis=1)
    settled = _settled(own, ends[kept], leak[kept])
    found[asked] = 1 / (1 + np.exp(-np.clip(settled[asked], -30, 30)))
    return found


def _passages(blobs: Blobs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(m, 2) int: between which blobs; (m,) float: how likely a leak; and pixels across, of the
    blobs' picture."""
    ends = np.array([passage.blobs for passage in blobs.passages], np.int64).reshape(-1, 2)
    leak = np.array([passage.leak for passage in blobs.passages], np.float64)
    width = np.array([passage.width_px for passage in blobs.passages], np.float64) / blobs.scale
    return ends, leak, width


def _settled(own: np.ndarray, ends: np.ndarray, leak: np.ndarray) -> np.ndarray:
    """Log odds of blobs after those on the other sides of their passages have been heard (loopy
    belief propagation over two answers)."""
    if not len(ends):
        return own
    source = np.concatenate([ends[:, 0], ends[:, 1]])
    target = np.concatenate([ends[:, 1], ends[:, 0]])
    back = np.roll(np.arange(len(source)), len(ends))
    differ = np.clip(np.concatenate([leak, leak]), 1e-3, 1 - 1e-3)
    told = np.zeros(len(source))
    for _ in range(_ROUNDS):
        heard = own + np.bincount(target, told, len(own))
        without = np.clip(heard[source] - told[back], -20, 20)
        odds = np.exp(without)
        new = _COUPLED * np.log(((1 - differ) * odds + differ) / (differ * odds + 1 - differ))
        told = 0.5 * told + 0.5 * new
    return own + np.bincount(target, told, len(own))


def paper_evidence(blobs: Blobs) -> tuple[np.ndarray, np.ndarray]:
    """The blobs (n,) that a way leads out of, and their evidence (n, f), of :data:`FEATURES`."""
    labels, ink, radius, line_px = blobs.labels, blobs.ink, blobs.radius, blobs.line_px
    ends, leak, width = _passages(blobs)
    count = len(radius)
    along = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    on_edge = np.bincount(along, minlength=count)
    on_edge[0] = 0
    doubt, widest, steps = _ways_out(on_edge, radius, ends, leak, width)
    asked = np.flatnonzero(np.isfinite(doubt))
    if not len(asked):
        return asked, np.zeros((0, len(FEATURES)))
    inked, whole = _outlines(labels, ink, count)
    around, least = _surrounded(labels, ink, count)
    depth = _from_edge(labels, count)
    page = float(np.hypot(*labels.shape))
    own = np.maximum(radius, 1.0)
    table = np.stack(
        [
            on_edge > 0,
            on_edge / np.maximum(whole + on_edge, 1),
            inked / np.maximum(whole + on_edge, 1),
            np.minimum(doubt, _FARTHEST),
            np.log(np.minimum(widest, 2 * own) / (2 * own)),
            np.log1p(steps),
            np.log(own / page),
            np.log(own / line_px),
            around,
            least,
            depth / page,
        ],
        axis=1,
    )
    return asked, table[asked]


def _ways_out(
    on_edge: np.ndarray,
    radius: np.ndarray,
    ends: np.ndarray,
    leak: np.ndarray,
    width: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(blobs + 1,) each: the doubt of the surest way to the edge, infinite where there is none; how
    wide the widest is; and passages to go."""
    count = len(radius)
    ways: list[list[tuple[int, float, float]]] = [[] for _ in range(count)]
    costs = -np.log(np.maximum(1e-4, 1 - leak))
    for (one, other), cost, wide in zip(ends.tolist(), costs.tolist(), width.tolist()):
        ways[one].append((other, cost, wide))
        ways[other].append((one, cost, wide))
    # The blob with most of the edge is the paper if any is.
    core = int(on_edge.argmax())
    doubt, steps = np.full(count, np.inf), np.zeros(count)
    starts = [core] if on_edge[core] else []
    starts += [int(blob) for blob in np.flatnonzero(on_edge) if blob != core]
    for start in starts:
        if np.isfinite(doubt[start]):
            continue
        queue = [(0.0, 0, start)]
        while queue:
            cost, step, blob = heapq.heappop(queue)
            if np.isfinite(doubt[blob]):
                continue
            doubt[blob], steps[blob] = cost, step
            for other, more, _ in ways[blob]:
                if not np.isfinite(doubt[other]):
                    heapq.heappush(queue, (cost + more, step + 1, other))
    widest = np.full(count, -1.0)
    widths = [(-2 * float(radius[start]), start) for start in starts]
    heapq.heapify(widths)
    while widths:
        wide, blob = heapq.heappop(widths)
        if widest[blob] >= 0:
            continue
        widest[blob] = -wide
        for other, _, way in ways[blob]:
            if widest[other] < 0:
                heapq.heappush(widths, (-min(-wide, way), other))
    return doubt, np.maximum(widest, 1e-3), steps


def _outlines(labels: np.ndarray, ink: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(blobs + 1,) each: pixels of the outline that lie at ink, and all of them."""
    inked, whole = np.zeros(count), np.zeros(count)
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[1:], np.s_[:-1]),
    ):
        border = (labels[here] != labels[there]) & (labels[here] > 0)
        own = labels[here][border]
        whole += np.bincount(own, minlength=count)
        inked += np.bincount(own, ink[there][border] > 0, count)
    return inked, whole


def _surrounded(labels: np.ndarray, ink: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(blobs + 1,) each: in which share of eight directions a blob's places have ink before them,
    on average and in the tenth that has least."""
    step = max(1, int(np.ceil(max(labels.shape) / _LOOKED_PX)))
    rows, columns = labels.shape[0] // step * step, labels.shape[1] // step * step
    rows, columns = max(rows, step), max(columns, step)
    small = np.zeros((rows // step, columns // step), bool)
    blocks = ink[:rows, :columns].reshape(rows // step, step, -1, step)
    small |= blocks.max(axis=(1, 3)) > 0
    seen = np.zeros(small.shape, np.float32)
    for turned in range(4):
        view, into = np.rot90(small, turned), np.rot90(seen, turned)
        into += np.maximum.accumulate(view, axis=0)
        into += _diagonal(view)
    at = labels[step // 2 : rows : step, step // 2 : columns : step][: small.shape[0]]
    at = at[:, : small.shape[1]]
    seen = seen[: at.shape[0], : at.shape[1]] / 8
    inside = at > 0
    of, values = at[inside], seen[inside]
    sums, sizes = np.bincount(of, values, count), np.bincount(of, minlength=count)
    mean = np.where(sizes > 0, sums / np.maximum(sizes, 1), 1.0)
    order = np.lexsort((values, of))
    starts = np.searchsorted(of[order], np.arange(count))
    tenth = np.minimum(starts + sizes // 10, max(0, len(order) - 1))
    least = values[order][tenth] if len(order) else np.ones(count)
    return mean, np.where(sizes > 0, least, 1.0)


def _diagonal(ink: np.ndarray) -> np.ndarray:
    """(h, w) bool: ink on the way up and to the left."""
    found = ink.copy()
    for row in range(1, len(found)):
        found[row, 1:] |= found[row - 1, :-1]
    return found


def _from_edge(labels: np.ndarray, count: int) -> np.ndarray:
    """(blobs + 1,) float: how near to the page's edge each blob comes."""
    height, width = labels.shape
    ys = np.minimum(np.arange(height), np.arange(height)[::-1])
    xs = np.minimum(np.arange(width), np.arange(width)[::-1])
    depth = np.full(count, float(max(height, width)))
    np.minimum.at(depth, labels.ravel(), np.minimum(ys[:, None], xs[None]).ravel())
    return depth
