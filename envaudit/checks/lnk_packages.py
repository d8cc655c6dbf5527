"""Which package brings a library: for the hints of ``LNK001``.

Package names of Debian 12 and Ubuntu 22.04, and of Fedora 40.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Packages(NamedTuple):
    """The package of Debian and Ubuntu, and the one of Fedora and its relatives."""

    debian: str
    fedora: str


SYSTEM = {
    "libEGL.so.1": Packages("libegl1", "libglvnd-egl"),
    "libGL.so.1": Packages("libgl1", "libglvnd-glx"),
    "libGLU.so.1": Packages("libglu1-mesa", "mesa-libGLU"),
    "libICE.so.6": Packages("libice6", "libICE"),
    "libOpenGL.so.0": Packages("libopengl0", "libglvnd-opengl"),
    "libSM.so.6": Packages("libsm6", "libSM"),
    "libX11.so.6": Packages("libx11-6", "libX11"),
    "libXext.so.6": Packages("libxext6", "libXext"),
    "libXrender.so.1": Packages("libxrender1", "libXrender"),
    "libasound.so.2": Packages("libasound2", "alsa-lib"),
    "libcairo.so.2": Packages("libcairo2", "cairo"),
    "libcrypt.so.1": Packages("libcrypt1", "libxcrypt-compat"),
    "libdbus-1.so.3": Packages("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": Packages("libfontconfig1", "fontconfig"),
    "libgfortran.so.5": Packages("libgfortran5", "libgfortran"),
    "libgcc_s.so.1": Packages("libgcc-s1", "libgcc"),
    "libglib-2.0.so.0": Packages("libglib2.0-0", "glib2"),
    "libgomp.so.1": Packages("libgomp1", "libgomp"),
    "libgthread-2.0.so.0": Packages("libglib2.0-0", "glib2"),
    "libmariadb.so.3": Packages("libmariadb3", "mariadb-connector-c"),
    "libmpi.so.12": Packages("libmpich12", "mpich"),
    "libmpi.so.40": Packages("libopenmpi3", "openmpi"),
    "libnss3.so": Packages("libnss3", "nss"),
    "libodbc.so.2": Packages("libodbc2", "unixODBC"),
    "libopenblas.so.0": Packages("libopenblas0", "openblas-serial"),
    "libportaudio.so.2": Packages("libportaudio2", "portaudio"),
    "libpq.so.5": Packages("libpq5", "libpq"),
    "libpulse-mainloop-glib.so.0": Packages("libpulse-mainloop-glib0", "pulseaudio-libs-glib2"),
    "libpulse.so.0": Packages("libpulse0", "pulseaudio-libs"),
    "libsndfile.so.1": Packages("libsndfile1", "libsndfile"),
    "libstdc++.so.6": Packages("libstdc++6", "libstdc++"),
    "libusb-1.0.so.0": Packages("libusb-1.0-0", "libusb1"),
    "libxcb-cursor.so.0": Packages("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb.so.1": Packages("libxcb1", "libxcb"),
    "libxkbcommon.so.0": Packages("libxkbcommon0", "libxkbcommon"),
    "libz.so.1": Packages("zlib1g", "zlib"),
}

# Libraries that are distributions of their own on the package index.
ON_INDEX = {"libtbb.so.12": "tbb", "libiomp5.so": "intel-openmp", "libmkl_rt.so.2": "mkl", "libmkl_rt.so.1": "mkl"}

# Distributions with a twin that needs no desktop.
HEADLESS = {
    "opencv-python": "opencv-python-headless",
    "opencv-contrib-python": "opencv-contrib-python-headless",
}

# They come with the driver of the graphics card, which a container gets only when it runs.
OF_DRIVERS = re.compile(r"libcuda\.so|libnvidia-|libnvcuvid\.so|libnvoptix\.so|libcudadebugger\.so|libze_")
OF_CUDA = re.compile(
    r"lib(?:cudart|cublas|cufft|cufile|cupti|curand|cusolver|cusparse|cutensor|cudnn|nccl|npp|nvJitLink|nvinfer"
    r"|nvonnxparser|nvjpeg|nvrtc|nvToolsExt)"
)
OF_TORCH_CUDA = re.compile(r"lib(?:c10|torch)_(?:cuda|hip|xpu)\b")
OF_TORCH = re.compile(r"lib(?:c10|torch)\b|libtorch_(?:cpu|python)\b|libc10_|libtorch_cuda\b")
