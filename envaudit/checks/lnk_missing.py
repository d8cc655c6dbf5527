"""``LNK001``: libraries that the loader does not find."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from envaudit.checks.fixes import install_command
from envaudit.checks.lnk_groups import Weight, groups, listed
from envaudit.model import Confidence, Evidence, Finding, Fix, Involved, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envaudit.checks.lnk_groups import Group
    from envaudit.model import Distribution, Facts, LinkedFile

# They come with the driver of the graphics card, which a container gets only when it runs.
_OF_DRIVERS = re.compile(r"libcuda\.so|libnvidia-|libnvcuvid\.so|libnvoptix\.so|libcudadebugger\.so|libze_intel")
_OF_TORCH_CUDA = re.compile(r"lib(?:c10|torch)_(?:cuda|hip|xpu)\b")
_OF_TORCH = re.compile(r"lib(?:c10|torch)\b|libtorch_(?:cpu|python)\b|libc10_")


class _Packages(NamedTuple):
    """Which package of Debian and Ubuntu, and which of Fedora and its relatives, brings a library."""

    debian: str
    fedora: str


_SYSTEM = {
    "libEGL.so.1": _Packages("libegl1", "libglvnd-egl"),
    "libGL.so.1": _Packages("libgl1", "libglvnd-glx"),
    "libGLU.so.1": _Packages("libglu1-mesa", "mesa-libGLU"),
    "libICE.so.6": _Packages("libice6", "libICE"),
    "libOpenGL.so.0": _Packages("libopengl0", "libglvnd-opengl"),
    "libSM.so.6": _Packages("libsm6", "libSM"),
    "libX11.so.6": _Packages("libx11-6", "libX11"),
    "libXext.so.6": _Packages("libxext6", "libXext"),
    "libXrender.so.1": _Packages("libxrender1", "libXrender"),
    "libasound.so.2": _Packages("libasound2", "alsa-lib"),
    "libcairo.so.2": _Packages("libcairo2", "cairo"),
    "libdbus-1.so.3": _Packages("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": _Packages("libfontconfig1", "fontconfig"),
    "libgfortran.so.5": _Packages("libgfortran5", "libgfortran"),
    "libglib-2.0.so.0": _Packages("libglib2.0-0", "glib2"),
    "libgomp.so.1": _Packages("libgomp1", "libgomp"),
    "libgthread-2.0.so.0": _Packages("libglib2.0-0", "glib2"),
    "libnss3.so": _Packages("libnss3", "nss"),
    "libodbc.so.2": _Packages("unixodbc", "unixODBC"),
    "libpq.so.5": _Packages("libpq5", "libpq"),
    "libportaudio.so.2": _Packages("libportaudio2", "portaudio"),
    "libstdc++.so.6": _Packages("libstdc++6", "libstdc++"),
    "libusb-1.0.so.0": _Packages("libusb-1.0-0", "libusb1"),
    "libxcb.so.1": _Packages("libxcb1", "libxcb"),
    "libxkbcommon.so.0": _Packages("libxkbcommon0", "libxkbcommon"),
}
# Libraries that are distributions of their own on the package index.
_ON_INDEX = {"libtbb.so.12": "tbb", "libiomp5.so": "intel-openmp", "libmkl_rt.so.2": "mkl", "libmkl_rt.so.1": "mkl"}
_HEADLESS = {
    "opencv-python": "opencv-python-headless",
    "opencv-contrib-python": "opencv-contrib-python-headless",
}


def check_missing(facts: Facts) -> Iterator[Finding]:
    """Yield ``LNK001`` for each distribution with modules that ask for libraries nobody has."""
    for group in groups(facts, lambda file: bool(file.missing)):
        names = [name for file, _ in group.files for name, _ in file.missing]
        by_driver = all(_OF_DRIVERS.match(name) for file, _ in group.files for name, _ in file.missing)
        weight = group.weight
        if by_driver and weight.severity is Severity.ERROR:
            weight = Weight(Severity.WARNING, weight.symptom)
        yield Finding(
            code="LNK001",
            severity=weight.severity,
            confidence=Confidence.PROVEN,
            message=_message(facts, group, names, by_driver=by_driver),
            subject="missing",
            distribution=group.key,
            version=group.version,
            involves=_involved(facts, group, names),
            symptom=group.symptom(
                f"ImportError: {names[0]}: cannot open shared object file: No such file or directory"
            ),
            evidence=tuple(_evidence(file) for file, _ in group.files),
            fix=tuple(_fixes(facts, group, names)),
        )


def _message(facts: Facts, group: Group, names: list[str], *, by_driver: bool) -> str:
    text = f"{group.title} needs {listed(names)}, which the loader does not find"
    if by_driver:
        return f"{text}: it comes with the driver of the graphics card"
    torch = _torch(facts)
    if torch is not None and any(_OF_TORCH_CUDA.match(name) for name in names):
        return f"{text}: it was built for a PyTorch with CUDA, and torch {torch.version} has none"
    if torch is not None and any(_OF_TORCH.match(name) for name in names):
        return f"{text}: it was built for another PyTorch than torch {torch.version}"
    return text


def _involved(facts: Facts, group: Group, names: list[str]) -> tuple[Involved, ...]:
    torch = _torch(facts)
    if torch is None or group.key == "torch" or not any(_OF_TORCH.match(name) for name in names):
        return ()
    return (Involved("torch", torch.version),)


def _evidence(file: LinkedFile) -> Evidence:
    path = f"{file.site_dir}/{file.path}"
    parts = []
    for name, asks in file.missing:
        parts.append(name if asks == path else f"{name} (for {asks.rpartition('/')[2]})")
    return Evidence(path, f"not found: {', '.join(dict.fromkeys(parts))}")


def _fixes(facts: Facts, group: Group, names: list[str]) -> Iterator[Fix]:
    if group.key in _HEADLESS and any(name in _SYSTEM for name in names):
        yield Fix(install_command(facts, [_HEADLESS[group.key]]))
    packages = [_SYSTEM[name] for name in dict.fromkeys(names) if name in _SYSTEM]
    if packages:
        yield Fix(f"apt-get install {' '.join(dict.fromkeys(each.debian for each in packages))}")
        yield Fix(f"dnf install {' '.join(dict.fromkeys(each.fedora for each in packages))}")
    on_index = sorted({_ON_INDEX[name] for name in names if name in _ON_INDEX})
    if on_index:
        yield Fix(install_command(facts, on_index))
    torch = _torch(facts)
    if group.dist and torch is not None and any(_OF_TORCH_CUDA.match(name) for name in names):
        python = shlex.quote(facts.target.executable or facts.target.prefix)
        yield Fix(
            f"uv pip install --python {python} --reinstall --no-deps --torch-backend cpu "
            f"{group.dist.name}=={group.version.partition('+')[0]}"
        )
    elif group.dist and not packages and not on_index and not all(_OF_DRIVERS.match(name) for name in names):
        yield Fix(install_command(facts, [f"{group.dist.name}=={group.version}"], reinstall=True))


def _torch(facts: Facts) -> Distribution | None:
    return next((dist for dist in facts.distributions if dist.key == "torch" and not dist.hidden_by), None)
