// A CUDA driver, NVRTC and cuBLASLt that know one device: this CPU, through emulator.cuh. Just what
// the Java side calls, each function by its documented meaning; streams run at once. It lets the
// backend's tests run where there is no GPU. What it cannot show: races, alignment of the real
// copies, algorithms, speed.
//
// MILLRACE_EMULATED names the folder of the kernel files' libraries (emulated.py builds all).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

typedef unsigned long long Ptr;
static std::mutex lock;
static std::map<Ptr, size_t> taken;
static size_t used;
static const size_t TOTAL = (size_t)6 << 30;

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int* v) { *v = 13000; return 0; }
int cuDeviceGetCount(int* n) { *n = 1; return 0; }
int cuDeviceGet(int* d, int i) { *d = i; return 0; }
int cuDeviceGetName(char* s, int n, int) { snprintf(s, n, "emulated"); return 0; }
int cuDeviceGetPCIBusId(char* s, int n, int) { snprintf(s, n, "0000:00:00.0"); return 0; }
int cuDeviceTotalMem_v2(size_t* n, int) { *n = TOTAL; return 0; }
int cuDeviceGetAttribute(int* v, int a, int) {
  *v = a == 75 ? 9 : a == 76 ? 0 : a == 16 ? 2 : a == 97 ? 232448 : a == 38 ? 50 << 20 : 0;
  return 0;
}
int cuCtxCreate_v2(void** c, unsigned, int) { *c = (void*)0x1000; return 0; }
int cuCtxDestroy_v2(void*) { return 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuCtxSynchronize() { return 0; }
int cuMemGetInfo_v2(size_t* free, size_t* total) { *total = TOTAL; *free = TOTAL - used; return 0; }
// NVML
int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char*, void** d) { *d = (void*)0x4000; return 0; }
int nvmlDeviceGetMemoryInfo(void*, unsigned long long* m) { m[0] = TOTAL; m[1] = TOTAL - used; m[2] = used; return 0; }
int nvmlDeviceGetUtilizationRates(void*, unsigned* r) { r[0] = 50; r[1] = 10; return 0; }
int nvmlDeviceGetComputeRunningProcesses_v3(void*, unsigned* n, void*) { *n = 0; return 0; }
int cuDeviceCanAccessPeer(int* can, int, int) { *can = 1; return 0; }
int cuCtxEnablePeerAccess(void*, unsigned) { return 0; }
int cuGetErrorName(int e, const char** s) { *s = e == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR"; return 0; }
int cuGetErrorString(int, const char** s) { *s = "emulated"; return 0; }

int cuMemAlloc_v2(Ptr* p, size_t n) {
  std::lock_guard<std::mutex> g(lock);
  if (n == 0 || used + n > TOTAL) return n == 0 ? 1 : 2;
  void* m = aligned_alloc(1024, (n + 1023) / 1024 * 1024);
  if (!m) return 2;
  if (n <= 4 << 20) memset(m, 0xff, n);  // NaN in every type: what nobody wrote must not be used
  *p = (Ptr)m;
  taken[*p] = n;
  used += n;
  return 0;
}
int cuMemFree_v2(Ptr p) {
  std::lock_guard<std::mutex> g(lock);
  if (!taken.count(p)) return 1;
  used -= taken[p];
  taken.erase(p);
  free((void*)p);
  return 0;
}
int cuMemHostAlloc(void** p, size_t n, unsigned) { *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096); return *p ? 0 : 2; }
int cuMemFreeHost(void* p) { free(p); return 0; }
// What emulator.cuh's TensorMap reads.
int cuTensorMapEncodeTiled(void* map, int type, unsigned rank, Ptr address, const uint64_t* sizes,
                           const uint64_t* strides, const unsigned* box, const unsigned* steps, int interleave,
                           int swizzle, int, int beyond) {
  if ((uint64_t)map % 64 || type != 9 || rank != 2 || address % 16 || strides[0] % 16 || box[0] != 64 ||
      box[1] > 256 || steps[0] != 1 || steps[1] != 1 || interleave != 0 || swizzle != 3 || beyond != 0)
    return 1;
  uint64_t words[16] = {address, sizes[0], sizes[1], strides[0], box[1]};
  memcpy(map, words, sizeof words);
  return 0;
}
int cuMemsetD8_v2(Ptr p, unsigned char v, size_t n) { memset((void*)p, v, n); return 0; }
}

struct Graph { std::vector<std::function<int()>> calls; };
struct Stream { Graph* recording = 0; int error = 0; };
static int put(void* s, std::function<int()> call) {
  Stream* stream = (Stream*)s;
  if (stream->recording) { stream->recording->calls.push_back(call); return 0; }
  return call();
}

extern "C" {
int cuStreamCreate(void** s, unsigned) { *s = new Stream(); return 0; }
int cuStreamDestroy_v2(void* s) { delete (Stream*)s; return 0; }
int cuStreamQuery(void*) { return 0; }
int cuMemcpyHtoDAsync_v2(Ptr to, const void* from, size_t n, void* s) {
  return put(s, [=] { memcpy((void*)to, from, n); return 0; });
}
int cuMemcpyDtoHAsync_v2(void* to, Ptr from, size_t n, void* s) {
  return put(s, [=] { memcpy(to, (void*)from, n); return 0; });
}
struct Event { std::chrono::steady_clock::time_point at; };
int cuEventCreate(void** e, unsigned) { *e = new Event(); return 0; }
int cuEventRecord(void* e, void*) { ((Event*)e)->at = std::chrono::steady_clock::now(); return 0; }
int cuEventSynchronize(void*) { return 0; }
int cuEventQuery(void*) { return 0; }
int cuStreamWaitEvent(void*, void*, unsigned) { return 0; }
int cuEventElapsedTime(float* ms, void* a, void* b) {
  *ms = std::chrono::duration<float, std::milli>(((Event*)b)->at - ((Event*)a)->at).count();
  return 0;
}
int cuEventDestroy_v2(void* e) { delete (Event*)e; return 0; }
int cuStreamBeginCapture_v2(void* s, int) { ((Stream*)s)->recording = new Graph(); return 0; }
int cuStreamEndCapture(void* s, void** g) {
  *g = ((Stream*)s)->recording;
  ((Stream*)s)->recording = 0;
  return 0;
}
int cuGraphInstantiateWithFlags(void** x, void* g, unsigned long long) { *x = new Graph(*(Graph*)g); return 0; }
int cuGraphDestroy(void* g) { delete (Graph*)g; return 0; }
int cuGraphExecDestroy(void* g) { delete (Graph*)g; return 0; }
int cuGraphLaunch(void* g, void*) {
  for (auto& call : ((Graph*)g)->calls)
    if (int e = call()) return e;
  return 0;
}

// A cubin is the name of a library in the folder.
int cuModuleLoadData(void** m, const void* image) {
  std::string name((const char*)image);
  const char* folder = getenv("MILLRACE_EMULATED");
  *m = dlopen((std::string(folder ? folder : ".") + "/" + name).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!*m) { fprintf(stderr, "emulated device: %s\n", dlerror()); return 200; }
  return 0;
}
int cuModuleUnload(void*) { return 0; }
int cuModuleGetFunction(void** f, void* m, const char* name) {
  *f = dlsym(m, (std::string("launch_") + name).c_str());
  return *f ? 0 : 500;
}
int cuFuncSetAttribute(void*, int, int) { return 0; }
int cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned, unsigned,
                   unsigned shared, void* s, void** params, void**) {
  if (gx == 0 || gy > 65535 || bx > 1024 || shared > 232448) return 1;
  // The arguments are copied: pointers and values lie in one stretch of memory from params on.
  const size_t BYTES = 640;
  std::vector<char> copy((char*)params, (char*)params + BYTES);
  char* base = (char*)params;
  return put(s, [=] {
    std::vector<char> own(copy);
    void** p = (void**)own.data();
    for (int i = 0; i < 16; i++)
      if ((char*)p[i] >= base && (char*)p[i] < base + BYTES) p[i] = own.data() + ((char*)p[i] - base);
    int dims[4] = {(int)gx, (int)gy, (int)gz, (int)bx};
    ((void (*)(const int*, void**))f)(dims, p);
    return 0;
  });
}

// Kernels run one after the other here, whether they may start early or not.
struct LaunchConfiguration {
  unsigned grid[3], block[3], shared;
  void* stream;
};
int cuLaunchKernelEx(const LaunchConfiguration* c, void* f, void** params, void** extra) {
  return cuLaunchKernel(f, c->grid[0], c->grid[1], c->grid[2], c->block[0], c->block[1], c->block[2],
                        c->shared, c->stream, params, extra);
}

// NVRTC
struct Program { std::string name, result; };
int nvrtcVersion(int* a, int* b) { *a = 13; *b = 0; return 0; }
const char* nvrtcGetErrorString(int) { return "emulated"; }
int nvrtcCreateProgram(Program** p, const char*, const char* name, int, void*, void*) { *p = new Program{name, ""}; return 0; }
int nvrtcDestroyProgram(Program** p) { delete *p; return 0; }
int nvrtcCompileProgram(Program* p, int n, const char** options) {
  std::string head = "0";
  for (int i = 0; i < n; i++)
    if (!strncmp(options[i], "-DHEAD_SIZE=", 12)) head = options[i] + 12;
  p->result = p->name.substr(0, p->name.size() - 3) + "." + head + ".so";
  return 0;
}
int nvrtcGetCUBINSize(Program* p, size_t* n) { *n = p->result.size() + 1; return 0; }
int nvrtcGetCUBIN(Program* p, char* out) { memcpy(out, p->result.c_str(), p->result.size() + 1); return 0; }
int nvrtcGetProgramLogSize(Program*, size_t* n) { *n = 1; return 0; }
int nvrtcGetProgramLog(Program*, char* out) { *out = 0; return 0; }

// cuBLASLt
struct Descriptor { int transpose = 0; unsigned epilogue = 1; const uint16_t* bias = 0; };
struct Layout { int type; uint64_t rows, columns; int64_t leading; };
int cublasLtCreate(void** h) { *h = (void*)0x2000; return 0; }
int cublasLtDestroy(void*) { return 0; }
size_t cublasLtGetVersion() { return 130000; }
int cublasLtMatmulDescCreate(Descriptor** d, int, int) { *d = new Descriptor(); return 0; }
int cublasLtMatmulDescDestroy(Descriptor* d) { delete d; return 0; }
int cublasLtMatmulDescSetAttribute(Descriptor* d, int a, const void* v, size_t n) {
  if (a == 3 && n == 4) d->transpose = *(int*)v;
  else if (a == 7 && n == 4) d->epilogue = *(unsigned*)v;
  else if (a == 8 && n == 8) d->bias = *(const uint16_t**)v;
  else return 7;
  return 0;
}
int cublasLtMatrixLayoutCreate(Layout** l, int type, uint64_t r, uint64_t c, int64_t ld) {
  if (r > (uint64_t)ld) return 7;
  *l = new Layout{type, r, c, ld};
  return 0;
}
int cublasLtMatrixLayoutDestroy(Layout* l) { delete l; return 0; }
int cublasLtMatmulPreferenceCreate(void** p) { *p = (void*)0x3000; return 0; }
int cublasLtMatmulPreferenceDestroy(void*) { return 0; }
int cublasLtMatmulPreferenceSetAttribute(void*, int, const void*, size_t) { return 0; }
int cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void*, int n, char* r, int* found) {
  *found = std::min(n, 2);
  memset(r, 0, 96 * *found);
  return 0;
}
int cublasLtMatmulAlgoCheck(void*, void*, void*, void*, void*, void*, const void*, char* r) { memset(r, 0, 96); return 0; }
}

static float bf16(uint16_t x) { uint32_t b = (uint32_t)x << 16; float f; memcpy(&f, &b, 4); return f; }
static uint16_t round_bf16(float f) {
  uint32_t x;
  memcpy(&x, &f, 4);
  if ((x & 0x7fffffff) > 0x7f800000) return (uint16_t)(x >> 16 | 0x40);
  return (uint16_t)((x + 0x7fff + (x >> 16 & 1)) >> 16);
}

extern "C" int cublasLtMatmul(void*, Descriptor* d, const float*, const uint16_t* a, Layout* la, const uint16_t* b, Layout* lb,
                              const float*, void*, Layout*, void* out, Layout* lo, const void*, void*, size_t, void* stream) {
  Descriptor desc = *d;
  Layout A = *la, B = *lb, O = *lo;
  return put(stream, [=] {
    uint64_t k = B.rows, n = O.rows;
    if ((desc.transpose ? A.rows : A.columns) != k || (desc.transpose ? A.columns : A.rows) != n || B.columns != O.columns) return 7;
    std::vector<float> x(k), sum(n);
    for (uint64_t column = 0; column < O.columns; column++) {
      for (uint64_t i = 0; i < k; i++) x[i] = bf16(b[column * B.leading + i]);
      if (desc.transpose) {
        for (uint64_t o = 0; o < n; o++) {
          float s = 0;
          for (uint64_t i = 0; i < k; i++) s += bf16(a[o * A.leading + i]) * x[i];
          sum[o] = s;
        }
      } else {
        std::fill(sum.begin(), sum.end(), 0.f);
        for (uint64_t i = 0; i < k; i++)
          for (uint64_t o = 0; o < n; o++) sum[o] += bf16(a[i * A.leading + o]) * x[i];
      }
      for (uint64_t o = 0; o < n; o++) {
        float v = sum[o] + (desc.epilogue == 4 ? bf16(desc.bias[o]) : 0.f);
        if (O.type == 0) ((float*)out)[column * O.leading + o] = v;
        else ((uint16_t*)out)[column * O.leading + o] = round_bf16(v);
      }
    }
    return 0;
  });
}
