"""What is installed in an unpacked image: paths in files and links are those of the image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from envaudit.files import looking_inside
from envaudit.scan import scan_target
from envaudit.scan.reach import import_time_modules
from tests.locate.image import SITE, add, find_inside, make_image
from tests.support.trees import Link, Tree, make_distribution

if TYPE_CHECKING:
    from pathlib import Path

    from envaudit.scan import Scan


def scan_image(image: Path) -> Scan:
    target = find_inside(image)
    with looking_inside(target.root):
        return scan_target(target)


def editable(image: Path, name: str, path: str) -> None:
    url = {"url": f"file://{path}", "dir_info": {"editable": True}}
    files = {f"_{name}.py": ""}
    make_distribution(image / SITE, name, "1.0", files=files, info={"direct_url.json": json.dumps(url)})


def test_an_editable_install_by_path(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img")
    editable(image, "app", "/srv/app")
    tree: Tree = {
        "srv": Link("/data"),
        "data/app/app/m.so": "",
        "data/app/app/__init__.py": "",
        f"{SITE}/app.pth": "/srv/app\n",
    }
    add(image, tree)
    found = scan_image(image)
    assert [dist.editable_path for dist in found.distributions] == [f"{image}/data/app"]
    assert [(each.site_dir, each.entry.path) for each in found.loose_binaries] == [(f"{image}/data/app", "app/m.so")]


def test_an_editable_install_by_a_finder(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img")
    editable(image, "app", "/srv/app")
    add(
        image,
        {
            "srv/app/src/app/m.so": "",
            f"{SITE}/__editable___app_1_0_finder.py": "MAPPING = {'app': '/srv/app/src/app'}\n",
        },
    )
    found = scan_image(image)
    assert [(each.site_dir, each.entry.path) for each in found.loose_binaries] == [(f"{image}/srv/app/src", "app/m.so")]


def test_metadata_behind_a_link_of_the_image(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img")
    add(image, {f"{SITE}/p-1.0.egg-info": Link("/usr/share/p"), "usr/share/p/PKG-INFO": "Name: p\nVersion: 1.0\n"})
    (dist,) = scan_image(image).distributions
    assert (dist.name, dist.version, dist.problems) == ("p", "1.0", ())


def test_the_sources_of_a_package_behind_a_link_of_the_image(tmp_path: Path) -> None:
    image = make_image(tmp_path / "img")
    make_distribution(image / SITE, "p", "1.0", files={"p.py": "import q.m\n"}, record="p.py,,\nq/m.so,,\n")
    info = image / SITE / "p-1.0.dist-info"
    (info / "top_level.txt").write_text("q\n", encoding="utf-8")
    add(image, {f"{SITE}/q": Link("/srv/q"), "srv/q/__init__.py": "from . import m\n", "srv/q/m.so": ""})
    target = find_inside(image)
    with looking_inside(target.root):
        (dist,) = scan_target(target).distributions
        reached = import_time_modules(f"{image}/{SITE}", dist, target)
    assert (reached.modules, reached.complete) == (frozenset({"q/m.so"}), True)
