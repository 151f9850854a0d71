"""Builds the emulated device into a folder: python3 emulated.py FOLDER. Then, with that folder first
in LD_LIBRARY_PATH and in MILLRACE_EMULATED and MILLRACE_CUDA_LIBRARIES (and MILLRACE_CACHE somewhere of
its own), the GPU tests run on this CPU."""
import os, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from kernels import Emulated, HERE

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
emulated = Emulated()
by_head = ("heads", "decode_attention", "prefill_attention", "append8", "decode_attention8", "prefill_attention8")
plain = ("embed", "norm", "activation", "gather", "convert", "fetch", "sample", "all_reduce", "w4", "w4_wide")
for file, head in [(f, 0) for f in plain] + [(f, h) for f in by_head for h in (8, 16, 64, 80, 128)]:
    library = emulated.library(file, head or 128)
    shutil.copy(library._name, os.path.join(folder, f"{file}.{head}.so"))
device = os.path.join(folder, "libcuda.so.1")
subprocess.check_call(["g++", "-std=c++17", "-O3", "-march=native", "-g", "-shared", "-fPIC", "-w",
                       os.path.join(HERE, "emulated_device.cpp"), "-o", device, "-ldl"])
for name in ("libnvrtc.so.13", "libcublasLt.so.13", "libnvidia-ml.so.1"):
    link = os.path.join(folder, name)
    if not os.path.exists(link):
        os.symlink("libcuda.so.1", link)
