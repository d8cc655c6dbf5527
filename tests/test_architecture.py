"""What the shape of the project promises: one direction of imports, cheap imports, a page for every code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from envaudit.checks.registry import CHECKS
from envaudit.codes import CODES, families, page
from envaudit.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "envaudit"

# A module may import from its own part and from parts on lower levels, never from a peer or from above.
LEVELS = (
    {"files_host"},
    {"errors", "files_seen", "plain_versions", "plain_sizes", "keywords", "shared_work"},
    {"model_code", "model_names", "model_compiled", "model_installed", "model_layout", "model_stated", "model_host"},
    {"model_described"},
    {"model", "files_root"},
    {"files"},
    {"binary", "codes", "watch"},
    {"setting_kinds"},
    {"settings", "locate", "scan", "index", "smoke", "rulebook", "cache", "linker", "requirements", "baseline", "host"},
    {"source", "remarks"},
    {"gather_compiled", "gather_index", "asked"},
    {"gather", "kernels"},
    {"checks", "report", "verdict"},
    {"audit", "proof"},
    {"gate"},
    {"cli", "jupyter"},
    {"__main__"},
)
SECTIONS = ["What it detects", "Why it matters", "What you would see", "How to fix it", "Known limits"]
# Run by the interpreter of the target or as a process of their own: they see nothing of envaudit.
ALONE = [
    "smoke/child.py",
    "smoke/zygote.py",
    "smoke/supervisor.py",
    "watch/boot.py",
    "watch/kernel_boot.py",
    "watch/kernel_last_words.py",
    "smoke/kernel_start.py",
    *(f"smoke/catalogue/{p.name}" for p in PACKAGE.glob("smoke/catalogue/*.py")),
]


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _level(part: str) -> int:
    return next(number for number, parts in enumerate(LEVELS) if part in parts)


def _modules() -> list[Path]:
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if "catalogue" not in path.parts and path.parent != PACKAGE / "_rules"
    ]


def _imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "envaudit" and name != "envaudit"}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_in_one_direction(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if own == "__init__":
        assert _imported(path) == set()
        return
    for name in _imported(path):
        other = _part(name)
        if other in {own, "__version__"}:
            continue
        assert _level(other) < _level(own), f"{own} imports {name}"


@pytest.mark.parametrize("name", ALONE)
def test_what_runs_beside_the_target_imports_nothing_of_ours(name: str) -> None:
    assert _imported(PACKAGE / name) == set()


@pytest.mark.parametrize(
    "name",
    [
        "smoke/child.py",
        "smoke/zygote.py",
        "watch/boot.py",
        "watch/kernel_boot.py",
        "watch/kernel_last_words.py",
        "watch/kernel_launch.py",
        *(name for name in ALONE if "catalogue" in name),
    ],
)
def test_what_the_target_runs_is_written_for_python_36(name: str) -> None:
    ast.parse((PACKAGE / name).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_there_are_no_import_cycles() -> None:
    graph = {
        ".".join(("envaudit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): _run_time_imports(path)
        for path in _modules()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module in done or module not in graph:
            return
        for other in graph[module]:
            visit(other, (*trail, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def _run_time_imports(path: Path) -> set[str]:
    """Return the modules that importing this one imports; ``TYPE_CHECKING`` and function bodies do not count."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("envaudit"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (ROOT / (inner.replace(".", "/") + ".py")).exists() or (
                    ROOT / inner.replace(".", "/")
                ).is_dir()
                names.add(inner if is_module else node.module)
    return names


def test_importing_the_command_line_loads_no_third_party_module() -> None:
    code = "import sys; import envaudit.cli; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"rich", "packaging", "psutil", "importlib_metadata", "tomli", "requests"} & set(done.stdout.split())


def test_a_static_run_loads_only_what_it_uses(tmp_path: Path) -> None:
    """Pin the third-party modules of ``check --no-smoke``: each costs every user on every commit."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    code = (
        "import sys\nfrom envaudit.cli import main\n"
        f"status = main(['check', {str(tmp_path / 'env')!r}, '--no-smoke', '--no-config', '--format', 'json'])\n"
        "import sys; print(status, *sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    status, *loaded = done.stderr.split()
    assert status == "0"
    third_party = {
        "rich",
        "packaging",
        "psutil",
        "importlib_metadata",
        "tomli",
        "requests",
        "platformdirs",
    }
    assert third_party & set(loaded) <= {"packaging", *({"tomli"} if sys.version_info < (3, 11) else ())}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page_with_all_sections(code: str) -> None:
    lines = page(code).splitlines()
    assert lines[0] == f"# {code}: {CODES[code]}"
    assert [line[3:] for line in lines if line.startswith("## ")] == SECTIONS
    for section in SECTIONS:
        after = page(code).split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
        assert len(after.strip()) > 10, section


def test_there_is_no_page_without_a_code() -> None:
    assert {path.stem for path in (PACKAGE / "pages").glob("*.md")} == set(CODES)


def test_every_code_belongs_to_exactly_one_check() -> None:
    listed = [code for check in CHECKS for code in check.codes if code != "EA"]
    assert sorted(listed) == sorted(CODES)


def test_an_unknown_code_is_answered_with_near_ones() -> None:
    with pytest.raises(UsageError, match="did you mean ABI001"):
        page("AB1001")
    with pytest.raises(UsageError, match="the families are ABI"):
        page("nothing")
    assert page("abi001 ") == page("ABI001")
    assert "EA" in families()


def test_no_file_names_a_registry_host_or_a_path_of_this_machine() -> None:
    # Put together here, so that this file does not name them either.
    hosts = [
        rf"{name}\.{rest}"
        for name, rest in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("deb", "debian"))
    ]
    folders = [f"/{name}/" for name in ("root", "work")]
    pattern = re.compile("|".join(hosts + folders))
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False, cwd=ROOT)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in {".so", ".bin"} and path != Path(__file__):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not pattern.search(text), f"{name}: {pattern.search(text)}"
