"""Launches the kernels of src/main/cuda on a GPU (cubins made by nvcc) or on the CPU (emulator.cuh).

A kernel takes ctypes arguments; tensors are PyTorch's, on the device that `Kernels.device` names.
"""
import ctypes, os, re, subprocess, tempfile
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "..", "main", "cuda")


class Emulated:
    """Kernels compiled for this CPU by g++."""

    device = "cpu"

    def __init__(self, bulk=1, sanitize=False):
        self.bulk, self.sanitize, self.libraries = bulk, sanitize, {}

    def library(self, file, head_size):
        key = (file, head_size)
        if key not in self.libraries:
            folder = tempfile.mkdtemp()
            source = open(os.path.join(SOURCES, file + ".cu")).read()
            entries = re.findall(r"KERNEL void\s+(?:__launch_bounds__\([^)]*\)\s*)?(CLUSTER\(\w+\)\s*)?(\w+)\(", source)
            with open(os.path.join(folder, "k.cu"), "w") as f:
                f.write(re.sub(r'#include "(prelude|wgmma).cuh"', "", source))
            with open(os.path.join(folder, "emulated_entries.inc"), "w") as f:
                # blocks of w4_gate wait for each other: all are there at a time
                f.write("\n".join(f"EMULATE({e}, {c.strip()[8:-1] or int(not e.startswith('w4_gate'))})" for c, e in entries if e not in ("heads_vector", "heads_sums") or head_size in (64, 128)))
            out = os.path.join(folder, "k.so")
            subprocess.check_call(
                ["g++", "-std=c++17", "-O2", "-g", "-shared", "-fPIC", "-w", f'-DSOURCE="{folder}/k.cu"',
                 f"-DHEAD_SIZE={head_size}", f"-DBULK_COPY={self.bulk}", "-I" + SOURCES, "-I" + HERE,
                 "-I" + folder, os.path.join(HERE, "emulated.cpp"), "-o", out]
                + (["-fsanitize=address,undefined"] if self.sanitize else []))
            self.libraries[key] = ctypes.CDLL(out)
        return self.libraries[key]

    def launch(self, file, name, grid, block, shared, arguments, head_size=128):
        dims = (ctypes.c_int * 4)(*grid, block)
        pointers = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(a) for a in arguments])
        getattr(self.library(file, head_size), "launch_" + name)(dims, pointers)

    def load(self, file, name, head_size=128):
        self.library(file, head_size)

    def written_before(self, file, head_size, ranges):
        """(first byte, bytes) pairs that the kernel before writes: early copies of them bring 0xff."""
        flat = [x for r in ranges for x in r]
        self.library(file, head_size).written_before((ctypes.c_uint64 * len(flat))(*flat), len(ranges))

    def synchronize(self):
        pass


class Launch(ctypes.Structure):
    """CUlaunchConfig."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("grid_x", "grid_y", "grid_z", "block_x", "block_y", "block_z", "shared")] + [
        ("stream", ctypes.c_void_p), ("attributes", ctypes.c_void_p), ("attribute_count", ctypes.c_uint32)]


class Gpu:
    """Kernels from cubins: FOLDER/FILE.HEAD_SIZE.ARCH.cubin."""

    device = "cuda"

    def __init__(self, folder):
        torch.zeros(1, device="cuda")
        major, minor = torch.cuda.get_device_capability()
        self.arch = "90a" if (major, minor) == (9, 0) else f"{major}{minor}"
        self.folder, self.functions = folder, {}
        self.driver = ctypes.CDLL("libcuda.so.1")

    def check(self, code, what):
        if code != 0:
            text = ctypes.c_char_p()
            self.driver.cuGetErrorString(code, ctypes.byref(text))
            raise RuntimeError(f"{what}: {code} {text.value}")

    def function(self, file, name, head_size, shared):
        key = (file, name, head_size)
        if key not in self.functions:
            image = open(os.path.join(self.folder, f"{file}.{head_size}.{self.arch}.cubin"), "rb").read()
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            self.check(self.driver.cuModuleLoadData(ctypes.byref(module), image), "load " + file)
            self.check(self.driver.cuModuleGetFunction(ctypes.byref(function), module, name.encode()), name)
            self.functions[key] = function
        if shared > 48 * 1024:
            self.check(self.driver.cuFuncSetAttribute(self.functions[key], 8, shared), "shared memory of " + name)
        return self.functions[key]

    def launch(self, file, name, grid, block, shared, arguments, head_size=128):
        function = self.function(file, name, head_size, shared)
        pointers = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(a) for a in arguments])
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        # CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION, as the program launches on sm_90
        attribute = (ctypes.c_uint32 * 18)(6, 0, 1)
        launch = Launch(*grid, block, 1, 1, shared, stream, ctypes.addressof(attribute), int(self.arch == "90a"))
        self.check(self.driver.cuLaunchKernelEx(ctypes.byref(launch), function, pointers, None), name)

    def load(self, file, name, head_size=128):
        self.function(file, name, head_size, 0)

    def written_before(self, file, head_size, ranges):
        pass

    def synchronize(self):
        torch.cuda.synchronize()


def p(tensor):
    return ctypes.c_void_p(tensor.data_ptr() if tensor is not None else 0)


def i32(x):
    return ctypes.c_int(x)


def u64(x):
    return ctypes.c_uint64(x)


def f32(x):
    return ctypes.c_float(x)


def structure(name, **fields):
    """A ctypes structure by value from (name=value) pairs of ctypes or tensors."""
    types, values = [], []
    for key, value in fields.items():
        if isinstance(value, torch.Tensor) or value is None:
            value = p(value)
        elif isinstance(value, bool) or isinstance(value, int):
            value = i32(value)
        elif isinstance(value, float):
            value = f32(value)
        types.append((key, type(value)))
        values.append(value)
    return type(name, (ctypes.Structure,), {"_fields_": types})(*values)
