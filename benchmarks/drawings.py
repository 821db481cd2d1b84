# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.drawings``: pairs of drawings a second on one core.

``--beside FOLDER`` draws as many with another checkout's code, in turns, and prints the ratio.
Seconds are the process's own, so that waiting for a core doesn't count; what other programs do to
caches and memory does, hence the turns. The best of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent.parent
SIZES_PX = (128, 256)
_DRAW = """
import sys, time, cv2
cv2.setNumThreads(1)
from manganinja.train.drawings import draw_pair
size_px, first, count = map(int, sys.argv[1:])
for seed in range(4):
    draw_pair(seed, size_px)
start = time.process_time()
for seed in range(first, first + count):
    draw_pair(seed, size_px)
print(count / (time.process_time() - start))
"""


def pairs_per_second(checkout: Path, size_px: int, first: int, count: int) -> float:
    """Pairs that a checkout's code draws in a second of one core, in a process of its own."""
    settings = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _DRAW, str(size_px), str(first), str(count)]
    done = subprocess.run(
        command, cwd=checkout, env=settings, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drawings", description=__doc__)
    parser.add_argument("--pairs", type=int, default=100, help="pairs a round (default 100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (default 3)")
    parser.add_argument("--beside", type=Path, help="another checkout of this repository")
    asked = parser.parse_args()
    checkouts = [HERE] + ([asked.beside.resolve()] if asked.beside else [])
    for size_px in SIZES_PX:
        best = dict.fromkeys(checkouts, 0.0)
        for number in range(asked.rounds):
            for checkout in checkouts:
                first = 1000 + number * asked.pairs
                speed = pairs_per_second(checkout, size_px, first, asked.pairs)
                best[checkout] = max(best[checkout], speed)
        line = f"{size_px} px: {best[HERE]:6.1f} pairs a second on one core"
        if asked.beside:
            other = best[checkouts[1]]
            line += f"; {asked.beside}: {other:.1f}, ratio {best[HERE] / other:.2f}"
        print(line)


if __name__ == "__main__":
    main()
