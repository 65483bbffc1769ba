"""The list of checksums of a release, in the format of ``sha256sum``.

It finds damage: a flipped bit, a cut-off copy, a mixed-up file. It does not prove who made the
release; whoever can change a file can change the list.
"""

import hashlib
import re
from collections.abc import Mapping

from shared.errors import Problem

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\x00]+)")


def sha256_hex(data: bytes) -> str:
    """Give the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def checksum_lines(contents: Mapping[str, bytes]) -> str:
    """List files as ``sha256sum`` does, by name; ``sha256sum --check`` reads it."""
    return "".join(f"{sha256_hex(contents[name])}  {name}\n" for name in sorted(contents))


def checksum_problems(listing: bytes, contents: Mapping[str, bytes]) -> list[Problem]:
    """Compare files with their list.

    Args:
        listing: What the list holds.
        contents: What each file holds, by name.

    Returns:
        One problem per file whose content differs or that the list lacks, and one if the list
        itself cannot be read.
    """
    again = "Copy or download the release again."
    lines = listing.decode("utf-8", errors="replace").splitlines()
    parsed = [_LINE.fullmatch(line) for line in lines if line]
    if not parsed or any(match is None for match in parsed):
        return [Problem("SHA256SUMS", "another text", "lines 'CHECKSUM  FILE'", again)]
    listed = {match[2]: match[1] for match in parsed if match is not None}
    problems: list[Problem] = []
    for name, data in contents.items():
        wanted, came = listed.get(name), sha256_hex(data)
        if wanted is None:
            problems.append(Problem(name, "no checksum", "a line in SHA256SUMS", again))
        elif wanted != came:
            problems.append(
                Problem(
                    name,
                    f"content with checksum {came[:12]}…",
                    f"content with checksum {wanted[:12]}…",
                    f"The file was altered or damaged. {again}",
                )
            )
    return problems
