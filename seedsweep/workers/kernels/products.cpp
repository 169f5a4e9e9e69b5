// Products of stacked matrices on one core, seed by seed: (S, M, K) times (S, K, N).
//
// R rows and up to 3 vectors of columns are summed in registers at a time, over all terms in order: a seed's bits depend
// neither on where its matrices lie nor on what else is in the pack. MKL takes half as wide vectors on processors that
// are not Intel's.
//
// M is a multiple of 4; all else is as it comes.

#include <ATen/cpu/vec/vec.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

namespace {

using torch::stable::Tensor;
using V = at::vec::Vectorized<float>;
constexpr int W = V::size();
constexpr int R = W == 16 ? 8 : 4;  // as registers allow
constexpr int PANEL = 3;

struct Matrix {
  const float* data;
  int64_t row, column;  // how far apart two of them are
};

// A block of M rows and N vectors of columns, the last of which has `count` columns.
template <int M, int N>
inline void block(const float* a, const Matrix& left, const Matrix& right, int64_t terms, float* c, int64_t row,
                  int64_t count) {
  V sum[M][N];
#pragma GCC unroll 8
  for (int m = 0; m < M; m++)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) sum[m][n] = V(0.0f);
  for (int64_t k = 0; k < terms; k++) {
    V b[N];
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) b[n] = V::loadu(right.data + k * right.row + n * W);
#pragma GCC unroll 8
    for (int m = 0; m < M; m++) {
      const V x(a[m * left.row + k * left.column]);
#pragma GCC unroll 8
      for (int n = 0; n < N; n++) sum[m][n] = at::vec::fmadd(x, b[n], sum[m][n]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; m++)
#pragma GCC unroll 8
    for (int n = 0; n < N; n++) sum[m][n].store(c + m * row + n * W, n == N - 1 ? count : W);
}

template <int N>
void panel(const Matrix& left, int64_t rows, const Matrix& right, int64_t terms, float* c, int64_t row, int64_t count) {
  int64_t m = 0;
  for (; m + R <= rows; m += R)
    block<R, N>(left.data + m * left.row, left, right, terms, c + m * row, row, count);
  for (; m < rows; m += 4) block<4, N>(left.data + m * left.row, left, right, terms, c + m * row, row, count);
}

// The columns of a panel as rows of whole vectors, `width` floats; what lies behind the last column is anything.
Matrix packed(const Matrix& right, int64_t terms, int64_t columns, int64_t width, float* work) {
  if (right.row == 1)
    at::vec::transpose_mxn<float>(right.data, right.column, work, width, columns, terms);
  else
    for (int64_t k = 0; k < terms; k++)
      for (int64_t n = 0; n < columns; n++) work[k * width + n] = right.data[k * right.row + n];
  return {work, width, 1};
}

Tensor product(const Tensor& a_SMK, const Tensor& b_SKN) {
  const int64_t S = a_SMK.size(0), M = a_SMK.size(1), K = a_SMK.size(2), N = b_SKN.size(2);
  const int64_t vectors = (N + W - 1) / W, panels = (vectors + PANEL - 1) / PANEL;
  Tensor c_SMN = torch::stable::new_empty(a_SMK, {S, M, N}), work = torch::stable::new_empty(a_SMK, {K * PANEL * W});
  for (int64_t s = 0; s < S; s++) {
    const Matrix left{a_SMK.const_data_ptr<float>() + s * a_SMK.stride(0), a_SMK.stride(1), a_SMK.stride(2)};
    float* c = c_SMN.mutable_data_ptr<float>() + s * M * N;
    for (int64_t p = 0, n = 0; p < panels; p++) {
      const int64_t wide = vectors / panels + (p < vectors % panels), width = wide * W;
      const int64_t columns = N - n < width ? N - n : width, count = columns - width + W;
      const float* b = b_SKN.const_data_ptr<float>() + s * b_SKN.stride(0) + n * b_SKN.stride(2);
      Matrix right{b, b_SKN.stride(1), b_SKN.stride(2)};
      if (right.column != 1 || columns < width)
        right = packed(right, K, columns, width, work.mutable_data_ptr<float>());
      if (wide == 1) panel<1>(left, M, right, K, c + n, N, count);
      if (wide == 2) panel<2>(left, M, right, K, c + n, N, count);
      if (wide == 3) panel<3>(left, M, right, K, c + n, N, count);
      n += width;
    }
  }
  return c_SMN;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(seedsweep, library) { library.def("product(Tensor a, Tensor b) -> Tensor"); }
STABLE_TORCH_LIBRARY_IMPL(seedsweep, CPU, library) { library.impl("product", TORCH_BOX(&product)); }
