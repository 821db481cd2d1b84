# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m server`: run the server until it is told to end or nobody has used it for a while."""

import sys


def main() -> int:
    # The worker process imports this module again; it has no use for aiohttp.
    from server.app import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
