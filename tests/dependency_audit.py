"""Known vulnerabilities of what is installed, for `./run check`.

pip-audit asks PyPI. It calls it success where PyPI knows none of the packages, as a mirror without
that knowledge answers, so what was really looked up is counted here, and said.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

COMMAND = (sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off")
SECONDS = 300


class Verdict(NamedTuple):
    failed: bool
    text: str


def audit(*options: str) -> Verdict:
    """`options` go to pip-audit."""
    command = [*COMMAND, "--format", "json", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return not_done(f"no answer within {SECONDS} s")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return not_done((done.stderr.strip() or "pip-audit said nothing").splitlines()[-1])
    return judge(report["dependencies"])


def judge(dependencies: Sequence[Mapping[str, Any]]) -> Verdict:
    """Of the `dependencies` in a report of pip-audit."""
    asked = [one for one in dependencies if "vulns" in one]
    skipped = [one["name"] for one in dependencies if "vulns" not in one]
    found = [
        f"{one['name']} {one['version']}: {weakness['id']}, mended in "
        f"{', '.join(weakness['fix_versions']) or 'no version'}"
        for one in asked
        for weakness in one["vulns"]
    ]
    if found:
        return Verdict(True, "\n".join(["Known vulnerabilities:", *found]))
    if not asked:
        return not_done(f"its source knows none of {len(skipped)} packages")
    unknown = f"; not known there: {', '.join(skipped)}" if skipped else ""
    return Verdict(False, f"No known vulnerabilities in {len(asked)} packages{unknown}")


def not_done(reason: str) -> Verdict:
    return Verdict(False, f"THE DEPENDENCY AUDIT WAS NOT DONE: {reason}")


if __name__ == "__main__":
    verdict = audit(*sys.argv[1:])
    sys.stdout.write(f"{verdict.text}\n")
    sys.exit(verdict.failed)
