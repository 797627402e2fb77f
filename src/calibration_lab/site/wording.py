"""Declared values and reasons in words, for pages: a reader expects words, not keys."""

from __future__ import annotations

import re

TERM = r"\w+\[[^\]]*\]"  # a measure and the factors it is taken at


def worded(text: str) -> str:
    """Put a declared value, or a reason that names a control, in words.

    Parameters
    ----------
    text : str
        As a judgement's part, positive control or reason prints it.

    Returns
    -------
    str
        What all terms share stands once, at the end; the test's threshold is left out.

    Examples
    --------
    >>> worded("brier[arm=binary, channel=own] - brier[arm=base, channel=own]: at least 0.05")
    'brier (binary) − brier (base), for own'
    >>> worded("supported alone, but control lab/more-than-a-coin is refuted (too small)")
    'supported alone, but control “more than a coin” is refuted (too small)'
    """
    found = [dict(re.findall(r"(\w+)=([^,\]]+)", inside)) for inside in re.findall(TERM, text)]
    shared = dict.fromkeys(
        f"{factor}={level}"
        for factor, level in (found[0].items() if len(found) > 1 else ())
        if all(term.get(factor) == level for term in found)
    )

    def term(match: re.Match[str]) -> str:
        levels = re.findall(r"(\w+)=([^,\]]+)", match[0])
        own = [level for factor, level in levels if f"{factor}={level}" not in shared]
        named = ", ".join(level for level in own if level != "none")
        return match[0].partition("[")[0].replace("_", " ") + (f" ({named})" if named else "")

    said = re.sub(r": (at least|equivalent within|exact to|detects more than) [^:]*$", "", text)
    said = re.sub(TERM, term, said).replace(" - ", " − ")
    common = [pair.partition("=")[2] for pair in shared if not pair.endswith("=none")]
    said += f", for {', '.join(common)}" if common else ""
    return re.sub(
        r"control [\w-]+/([\w/-]+)",
        lambda match: f"control “{re.sub('[-/]', ' ', match[1])}”",
        said,
    )
