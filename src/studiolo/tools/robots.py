"""What a site's `robots.txt` says that programs may read, as RFC 9309 has it.

The standard library's parser takes the first rule that fits and knows no wildcards; sites are written for the longest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

MOST_BYTES = 500 * 1024  # that are looked at
LONGEST_DELAY = 10.0  # seconds that a site can ask for between two requests


@dataclass(slots=True)
class Rules:
    """The rules for one program. With none of them, everything is allowed."""

    rules: list[tuple[int, bool, re.Pattern[str]]] = field(default_factory=list[tuple[int, bool, "re.Pattern[str]"]])
    delay: float = 0.0
    nothing: bool = False

    def allows(self, target: str) -> bool:
        """Whether a path with its query may be read: the longest rule decides, and of two as long the kinder."""
        if self.nothing:
            return False
        target = _plain(target or "/")
        fitting = [(length, allow) for length, allow, pattern in self.rules if pattern.match(target)]
        return max(fitting)[1] if fitting else True


NOTHING = Rules(nothing=True)


def rules_for(text: str, program: str) -> Rules:
    """The rules of a robots.txt for a program of this name: its own groups, or else those for all."""
    own, common = Rules(), Rules()
    named_self = False
    here: list[Rules] = []
    naming = False
    for line in text[:MOST_BYTES].splitlines()[:20_000]:
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if not naming:
                here = []
            naming = True
            name = re.match(r"[A-Za-z_-]*", value)
            rules = common if value == "*" else own if name and name.group().lower() == program.lower() else None
            if rules is not None and not any(one is rules for one in here):
                here.append(rules)
            named_self = named_self or rules is own
            continue
        if key not in ("allow", "disallow", "crawl-delay"):
            continue  # a sitemap stands in no group and ends none
        naming = False
        for rules in here:
            _add(rules, key, value)
    return own if named_self else common


def _add(rules: Rules, key: str, value: str) -> None:
    if key == "crawl-delay":
        if re.fullmatch(r"\d{1,4}(\.\d{1,3})?", value):
            rules.delay = min(float(value), LONGEST_DELAY)
    elif value and len(rules.rules) < 5_000 and value.count("*") <= 20:
        rules.rules.append((len(value), key == "allow", _pattern(value)))


def _pattern(value: str) -> re.Pattern[str]:
    """A path that begins so; `*` is anything, `$` at the end is the end."""
    end = value.endswith("$")
    parts = [re.escape(_plain(part)) for part in re.sub(r"\*+", "*", value.removesuffix("$")).split("*")]
    # Each part is where it first comes: (?>...) is what keeps a row of wildcards from trying everything.
    first, *more = parts
    if end and more:
        return re.compile(first + "".join(f"(?>.*?{part})" for part in more[:-1]) + f".*{more[-1]}$", re.DOTALL)
    return re.compile(first + "".join(f"(?>.*?{part})" for part in more) + ("$" if end else ""), re.DOTALL)


def _plain(path: str) -> str:
    """A path in the one spelling in which two can be compared."""
    return quote(unquote(path, errors="surrogateescape"), safe="/?&=:@!$'()*+,;~%", errors="surrogateescape")
