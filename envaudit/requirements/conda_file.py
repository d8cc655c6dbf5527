"""What pip installs of a conda environment (``environment.yml``, ``conda-lock.yml``), by a small reading of YAML.

Only the plain block form is read, in which conda itself writes these files. Packages of conda are not judged: they are
built in other ways than wheels, and have other names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envaudit.errors import RequirementError
from envaudit.model_stated import NotRead, StatedFile
from envaudit.requirements.one import Place, of_pep508
from envaudit.requirements.pip_file import Collected
from envaudit.requirements.text import utf8

if TYPE_CHECKING:
    from envaudit.model_stated import Stated
    from envaudit.requirements.reading import Reading

_ITEM = re.compile(r"^(\s*)-\s+(.*)$")
_KEY = re.compile(r"^(\s*)(?:-\s+)?([\w-]+):\s*(.*)$")
_CONDA = "a package of conda, which is built in other ways than wheels are"


def read_environment(path: str, reading: Reading) -> StatedFile:
    """Return the part of pip; everything else is ``NotRead``. Raises ``RequirementError``."""
    collected = Collected(reading)
    conda: list[str] = []
    first_line = None
    section, pip_indent = "", -1
    for number, raw in enumerate(utf8(reading.data(path), path).splitlines(), 1):
        line = _without_comment(raw)
        if not line.strip():
            continue
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise RequirementError(path, number, "not YAML: a tab in front of a value")
        if not line.startswith((" ", "-")):
            section, pip_indent = line.partition(":")[0], -1
            if section == "dependencies" and line.partition(":")[2].strip() not in {"", "[]"}:
                raise RequirementError(path, number, "dependencies: only the block form (one '- ' a line) is read")
            continue
        item = _ITEM.match(line)
        if section != "dependencies" or item is None:
            continue
        indent, value = len(item[1]), _unquoted(item[2])
        if re.fullmatch(r"pip\s*:", value):
            pip_indent = indent
        elif pip_indent >= 0 and indent > pip_indent:
            collected.line(path, number, value, trail=(path,))
        else:
            pip_indent = -1
            conda.append(value)
            first_line = first_line or number
    not_read = [*([NotRead(path, first_line, _some(conda), _CONDA)] if conda else []), *collected.not_read]
    return StatedFile(path, "environment", tuple(collected.stated), tuple(not_read), options=tuple(collected.options),
                      files=(path, *collected.files))  # fmt: skip


def read_conda_lock(path: str, reading: Reading) -> StatedFile:
    """Return what is installed by pip for the platform of most packages; the rest is ``NotRead``."""
    blocks: list[tuple[int, dict[str, str]]] = []
    inside = False
    for number, raw in enumerate(utf8(reading.data(path), path).splitlines(), 1):
        if not raw.startswith((" ", "-")) and raw.strip():
            inside = raw.startswith("package:")
            continue
        if not inside:
            continue
        if raw.lstrip().startswith("- name:"):
            blocks.append((number, {}))
        key = _KEY.match(raw)
        if key and blocks and len(key[1]) <= 4 and key[2] not in blocks[-1][1]:
            blocks[-1][1][key[2]] = _unquoted(_without_comment(key[3]).strip())
    pip = [(line, block) for line, block in blocks if block.get("manager") == "pip"]
    conda = [f"{block.get('name')} {block.get('version')}" for _, block in blocks if block.get("manager") != "pip"]
    found: dict[tuple[str, str], Stated] = {}
    for line, block in pip:
        try:
            one = of_pep508(f"{block.get('name', '')}=={block.get('version', '')}", Place(path, line))
        except ValueError as error:
            raise RequirementError(path, line, f"not a package: {error}") from error
        sha256 = block.get("sha256", "")
        found.setdefault((one.key, one.version), one._replace(hashes=(f"sha256:{sha256}",) if sha256 else ()))
    not_read = (NotRead(path, blocks[0][0], _some(conda), _CONDA),) if conda else ()
    return StatedFile(path, "conda-lock", tuple(found.values()), not_read, complete=not conda, files=(path,))


def _without_comment(line: str) -> str:
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].rstrip()


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(dict.fromkeys(names[:3])) + more
