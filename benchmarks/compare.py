"""Compare what two checkouts say about the same environments: whoever makes it faster must change no word.

    python -m benchmarks.compare OTHER_CHECKOUT ENVIRONMENT [ENVIRONMENT ...]

Each environment is audited by the other checkout, and by this one three times: without the cache, with an empty one and
with the one that run has filled. Everything in the JSON reports must be the same but times and the digest of the rules.
Exits with 1 and shows the difference when it is not.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

OWN = Path(__file__).resolve().parent.parent


def report(checkout: Path, environment: Path, *arguments: str, cache: str) -> str:
    """Return the report of one checkout, without what may differ."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ENVAUDIT_")}
    command = [sys.executable, "-m", "envaudit", "check", "--no-smoke", "--no-config", "--format", "json"]
    done = subprocess.run(
        [*command, str(environment), *arguments],
        cwd=checkout,
        env=environ | {"ENVAUDIT_CACHE_DIR": cache, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise SystemExit(f"{checkout}: {done.stderr}")
    loaded = json.loads(done.stdout)
    for name in ("timings", "rules", "unchanged_since"):
        loaded.pop(name, None)  # an older version has not all of them
    return json.dumps(loaded, indent=1, sort_keys=True)


def main() -> int:
    """Compare, and say how many findings each environment has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("environments", type=Path, nargs="+")
    chosen = parser.parse_args()
    different = False
    for environment in [path.resolve() for path in chosen.environments]:
        with tempfile.TemporaryDirectory(prefix="envaudit-compare-") as cache:
            before = report(chosen.other.resolve(), environment, cache=f"{cache}/other")
            runs = {
                "without a cache": report(OWN, environment, "--no-cache", cache=cache),
                "with an empty cache": report(OWN, environment, cache=f"{cache}/own"),
                "with a full cache": report(OWN, environment, "--quiet", cache=f"{cache}/own"),  # another request
                "kept": report(OWN, environment, cache=f"{cache}/own"),
            }
        for name, after in runs.items():
            if after != before:
                different = True
                print(f"{environment}, {name}:")
                print("\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")))
        print(f"{environment}: {len(json.loads(before)['findings'])} findings")
    return int(different)


if __name__ == "__main__":
    sys.exit(main())
