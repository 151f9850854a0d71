// Stands in for cuBLASLt where a tool cannot look at its kernels: one thread an element of the result, no shared memory. What Matmuls asks
// for and nothing more: bf16 in, float32 sums in order, bf16 or float32 out, a bf16 bias.
//
//   nvcc -shared -Xcompiler -fPIC -cudart static -arch=sm_80 -o FOLDER/libcublasLt.so.13 plain_cublaslt.cu
//   MILLRACE_CUDA_LIBRARIES=FOLDER compute-sanitizer --tool racecheck java ...
#include <cuda_runtime.h>
#include <stdint.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16BF = 14, TRANSPOSE_A = 3, EPILOGUE = 7, BIAS_POINTER = 8, EPILOGUE_BIAS = 4 };

using bf16 = uint16_t;

struct Descriptor {
  int32_t transpose, epilogue;
  const bf16* bias;
};

struct Layout {
  int type;
  int64_t rows, columns, leading;
};

struct Algorithm {
  uint64_t data[8];
};

struct Result {
  Algorithm algorithm;
  uint64_t workspace;
  int32_t status;
  float waves;
  int32_t reserved[4];
};

static __device__ float wide(bf16 x) { return __uint_as_float((uint32_t)x << 16); }

static __device__ bf16 narrow(float x) {
  uint32_t bits = __float_as_uint(x);
  return x != x ? 0x7fff : (bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16); // to even
}

// D (m, n) = op(A) (m, k) B (k, n), all column-major
static __global__ void plain_product(const bf16* a, int64_t a_row, int64_t a_column, const bf16* b, int64_t ldb,
                                     const bf16* bias, void* d, int64_t ldd, int is_float, int64_t m, int64_t n, int64_t k) {
  int64_t row = blockIdx.x * (int64_t)blockDim.x + threadIdx.x;
  if (row >= m) {
    return;
  }
  for (int64_t column = blockIdx.y; column < n; column += gridDim.y) {
    float sum = 0;
    for (int64_t i = 0; i < k; i++) {
      sum += wide(a[row * a_row + i * a_column]) * wide(b[column * ldb + i]);
    }
    if (bias) {
      sum += wide(bias[row]);
    }
    if (is_float) {
      ((float*)d)[column * ldd + row] = sum;
    } else {
      ((bf16*)d)[column * ldd + row] = narrow(sum);
    }
  }
}

extern "C" {
size_t cublasLtGetVersion() { return 1; } // of its own, so that nothing is kept under cuBLASLt's name

int cublasLtCreate(void** handle) {
  *handle = new char;
  return SUCCESS;
}

int cublasLtDestroy(void* handle) {
  delete (char*)handle;
  return SUCCESS;
}

int cublasLtMatmulDescCreate(Descriptor** descriptor, int, int) {
  *descriptor = new Descriptor();
  return SUCCESS;
}

int cublasLtMatmulDescDestroy(Descriptor* descriptor) {
  delete descriptor;
  return SUCCESS;
}

int cublasLtMatmulDescSetAttribute(Descriptor* descriptor, int attribute, const void* value, size_t size) {
  switch (attribute) {
    case TRANSPOSE_A: memcpy(&descriptor->transpose, value, sizeof descriptor->transpose); return SUCCESS;
    case EPILOGUE: memcpy(&descriptor->epilogue, value, sizeof descriptor->epilogue); return SUCCESS;
    case BIAS_POINTER: memcpy(&descriptor->bias, value, sizeof descriptor->bias); return SUCCESS;
    default: return NOT_SUPPORTED;
  }
}

int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t leading) {
  *layout = new Layout{type, (int64_t)rows, (int64_t)columns, leading};
  return SUCCESS;
}

int cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return SUCCESS;
}

int cublasLtMatmulPreferenceCreate(void** preference) { return cublasLtCreate(preference); }

int cublasLtMatmulPreferenceDestroy(void* preference) { return cublasLtDestroy(preference); }

int cublasLtMatmulPreferenceSetAttribute(void*, int, const void*, size_t) { return SUCCESS; }

int cublasLtMatmulAlgoCheck(void*, Descriptor*, Layout*, Layout*, Layout*, Layout*, const Algorithm*, Result* result) {
  memset(result, 0, sizeof *result);
  return SUCCESS;
}

int cublasLtMatmulAlgoGetHeuristic(void* handle, Descriptor* descriptor, Layout* a, Layout* b, Layout* c, Layout* d, void*, int requested,
                                   Result* results, int* returned) {
  if (requested < 1) {
    return INVALID_VALUE;
  }
  *returned = 1;
  return cublasLtMatmulAlgoCheck(handle, descriptor, a, b, c, d, nullptr, results);
}

int cublasLtMatmul(void*, const Descriptor* descriptor, const float* alpha, const void* a, const Layout* a_layout, const void* b,
                   const Layout* b_layout, const float* beta, const void*, const Layout*, void* d, const Layout* d_layout, const Algorithm*,
                   void*, size_t, cudaStream_t stream) {
  bool transposed = descriptor->transpose != 0;
  int64_t m = d_layout->rows, n = d_layout->columns, k = b_layout->rows;
  if (*alpha != 1 || *beta != 0 || a_layout->type != R_16BF || b_layout->type != R_16BF || b_layout->columns != n ||
      (d_layout->type != R_32F && d_layout->type != R_16BF) || (transposed ? a_layout->columns : a_layout->rows) != m ||
      (transposed ? a_layout->rows : a_layout->columns) != k) {
    return NOT_SUPPORTED;
  }
  if (m == 0 || n == 0) {
    return SUCCESS;
  }
  dim3 grid((unsigned)((m + 127) / 128), (unsigned)(n < 65535 ? n : 65535));
  plain_product<<<grid, 128, 0, stream>>>(
      (const bf16*)a, transposed ? a_layout->leading : 1, transposed ? 1 : a_layout->leading, (const bf16*)b,
      b_layout->leading, descriptor->epilogue == EPILOGUE_BIAS ? descriptor->bias : nullptr, d, d_layout->leading, d_layout->type == R_32F, m,
      n, k);
  return cudaGetLastError() == cudaSuccess ? SUCCESS : EXECUTION_FAILED;
}
}
