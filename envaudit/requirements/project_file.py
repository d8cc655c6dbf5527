"""``pyproject.toml``: dependencies, extras, dependency groups; and scripts that state theirs in a comment (PEP 723)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from envaudit.errors import RequirementError
from envaudit.model_stated import NotRead, Stated, StatedFile
from envaudit.plain_versions import normalised
from envaudit.requirements.one import Place, of_pep508
from envaudit.requirements.text import decode
from envaudit.requirements.toml_text import parse_toml, parse_toml_text, table, table_line, text_line, word, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from envaudit.requirements.reading import Reading

_DEEPEST = 32  # groups that include each other
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)[ \t]*\r?\n(?P<content>(?:^#(?:| .*)\r?\n)+?)^# ///[ \t]*\r?$")


def read_project(path: str, reading: Reading) -> StatedFile:
    """Return what a project declares, each requirement with the extra or group it belongs to."""
    document, lines = parse_toml(reading.data(path), path)
    project = table(document.get("project"))
    not_read = [
        NotRead(path, table_line(lines, "project", "dynamic"), f"project.{each}", "it is only known when it is built")
        for each in words(project.get("dynamic"))
        if each in {"dependencies", "optional-dependencies"}
    ]
    poetry = table(table(document.get("tool")).get("poetry"))
    if poetry.get("dependencies") and "dependencies" not in project:
        line = table_line(lines, "tool.poetry.dependencies")
        not_read.append(NotRead(path, line, "tool.poetry.dependencies", "only its lock file is read: poetry.lock"))
    found = list(_listed(project.get("dependencies", []), path, lines, "", "project.dependencies"))
    for extra, texts in table(project.get("optional-dependencies")).items():
        found += _listed(texts, path, lines, normalised(extra), f"project.optional-dependencies.{extra}")
    groups = {str(normalised(name)): texts for name, texts in table(document.get("dependency-groups")).items()}
    for group in groups:
        found += _group(group, groups, path, lines, ())
    return StatedFile(path, "pyproject", tuple(_without_itself(found, project)), tuple(not_read),
                      requires_python=word(project.get("requires-python")), files=(path,))  # fmt: skip


def read_script(path: str, reading: Reading) -> StatedFile:
    """Return what a script states in its ``# /// script`` comment; one without has no requirements."""
    text = decode(reading.data(path), path)
    blocks = [block for block in _BLOCK.finditer(text) if block["type"] == "script"]
    if len(blocks) > 1:
        line = text.count("\n", 0, blocks[1].start()) + 1
        raise RequirementError(path, line, "a second block '# /// script'")
    if not blocks:
        raise RequirementError(path, 0, "it has no block '# /// script' that states requirements")
    first = text.count("\n", 0, blocks[0].start("content")) + 1
    content = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in blocks[0]["content"].splitlines())
    document, lines = parse_toml_text(content, path, first_line=first)
    found = _listed(document.get("dependencies", []), path, ["", *[""] * (first - 2), *lines], "", "dependencies")
    return StatedFile(path, "script", tuple(found), requires_python=word(document.get("requires-python")),
                      files=(path,))  # fmt: skip


def _listed(texts: object, path: str, lines: Sequence[str], group: str, where: str) -> Iterator[Stated]:
    """Yield the requirements of a list."""
    if not isinstance(texts, list):
        raise RequirementError(path, table_line(lines, *where.rsplit(".", 1)) or 0, f"{where} is no list")
    start = table_line(lines, *where.rsplit(".", 1)) if "." in where else 1
    for text in texts:
        yield _one(text, path, lines, group, start or 1, where)


def _one(  # noqa: PLR0917  what a message needs
    text: object, path: str, lines: Sequence[str], group: str, start: int, where: str
) -> Stated:
    line = text_line(lines, text, start) or text_line(lines, text) if isinstance(text, str) else start
    if not isinstance(text, str):
        raise RequirementError(path, line or 0, f"{where}: {str(text)[:60]!r} is no requirement")
    try:
        return of_pep508(text, Place(path, line, group))
    except ValueError as error:
        raise RequirementError(path, line or 0, f"{where}: not a requirement: {error}") from error


def _group(  # noqa: PLR0917  it calls itself
    group: str, groups: Mapping[str, Any], path: str, lines: Sequence[str], trail: tuple[str, ...], by: int = 0
) -> Iterator[Stated]:
    """Yield the requirements of a dependency group with those that it includes (PEP 735)."""
    start = table_line(lines, "dependency-groups") or 1
    if group in trail or len(trail) > _DEEPEST:
        raise RequirementError(path, by or start, f"the dependency group {group!r} includes itself")
    if not isinstance(groups.get(group), list):
        raise RequirementError(path, by or start, f"there is no dependency group {group!r}")
    for number in range(start + 1, len(lines) + 1):
        if normalised(lines[number - 1].partition("=")[0].strip().strip("\"'")) == group:
            start = number
            break
    for each in groups[group]:
        if isinstance(each, dict) and set(each) == {"include-group"}:
            line = text_line(lines, str(each["include-group"]), start) or start
            yield from _group(normalised(str(each["include-group"])), groups, path, lines, (*trail, group), line)
        else:
            yield _one(each, path, lines, trail[0] if trail else group, start, f"dependency-groups.{group}")


def _without_itself(found: list[Stated], project: dict[str, Any]) -> Iterator[Stated]:
    """Leave out a project that names its own extras (``all = ["me[a,b]"]``): they are listed anyway."""
    own = normalised(word(project.get("name")))
    return (each for each in found if not own or each.key != own)
