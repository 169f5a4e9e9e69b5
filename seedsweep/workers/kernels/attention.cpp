// Causal attention of many short rows, forward and backward, on one core.
//
// A head of one row is a tile of T positions that fits into the first cache. W of its queries at a time lie side by
// side in the lanes of a vector, each with the keys up to its own: no sum runs across lanes, so that a tile's bits
// depend neither on the width of vectors nor on what else is in the batch, and half the work, the future, is left out.
// The pattern is kept in no memory but the cache's; the backward pass computes it again from the sum of each row's
// exponentials, as Dao et al. 2022 (FlashAttention) do.
//
// Letters: N rows of all seeds, H heads, T positions, K head size. T is a multiple of 16, K one of 8.

#include <ATen/cpu/vec/vec.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <limits>
#include <tuple>

namespace {

using torch::stable::Tensor;
using V = at::vec::Vectorized<float>;
constexpr int W = V::size();
constexpr int J = 4;  // keys at a time
constexpr int C = 8;  // dimensions at a time

struct Heads {  // a tensor (N, H, T, K), its last axis contiguous
  explicit Heads(const Tensor& x)
      : data(x.const_data_ptr<float>()), n(x.stride(0)), h(x.stride(1)), row(x.stride(2)) {}
  const float* tile(int64_t i, int64_t j) const { return data + i * n + j * h; }
  const float* data;
  const int64_t n, h, row;
};

struct Future {  // added to the scores of W keys (down) and the same W queries (across)
  Future() {
    for (int j = 0; j < W; j++)
      for (int i = 0; i < W; i++) added[j * W + i] = i < j ? -std::numeric_limits<float>::infinity() : 0.0f;
  }
  alignas(64) float added[W * W];
} const future;

// sum[j] = rows[j] · x, for J rows (K) and W vectors across (K, W).
inline void products(const float* rows, int64_t row, const float* across, int64_t K, V* sum) {
#pragma GCC unroll 8
  for (int j = 0; j < J; j++) sum[j] = V(0.0f);
  for (int64_t k0 = 0; k0 < K; k0 += C)
#pragma GCC unroll 8
    for (int64_t k = k0; k < k0 + C; k++) {
      const V x = V::loadu(across + k * W);
#pragma GCC unroll 8
      for (int j = 0; j < J; j++) sum[j] = at::vec::fmadd(V(rows[j * row + k]), x, sum[j]);
    }
}

// across (K, W) = the sum over keys j of shares[j] (W) times rows[j] (K).
inline void gathered(const float* shares, int64_t keys, const float* rows, int64_t row, int64_t K, float* across) {
  for (int64_t k0 = 0; k0 < K; k0 += C) {
    V sum[C];
#pragma GCC unroll 8
    for (int k = 0; k < C; k++) sum[k] = V(0.0f);
    for (int64_t j = 0; j < keys; j++) {
      const V share = V::loadu(shares + j * W);
#pragma GCC unroll 8
      for (int k = 0; k < C; k++) sum[k] = at::vec::fmadd(V(rows[j * row + k0 + k]), share, sum[k]);
    }
#pragma GCC unroll 8
    for (int k = 0; k < C; k++) sum[k].store(across + (k0 + k) * W);
  }
}

// sums[j] (K, padded to whole vectors) += the sum over W queries i of shares[j][i] times rows[i] (K).
inline void scattered(const float* shares, int64_t keys, const float* rows, int64_t row, int64_t K, float* sums,
                      int64_t padded) {
  for (int64_t k0 = 0; k0 < K; k0 += W) {
    const int64_t count = K - k0 < W ? K - k0 : W;
    for (int64_t j0 = 0; j0 < keys; j0 += J) {
      V sum[J];
#pragma GCC unroll 8
      for (int j = 0; j < J; j++) sum[j] = V::loadu(sums + (j0 + j) * padded + k0);
#pragma GCC unroll 4
      for (int i = 0; i < W; i++) {
        const V x = V::loadu(rows + i * row + k0, count);
#pragma GCC unroll 8
        for (int j = 0; j < J; j++) sum[j] = at::vec::fmadd(V(shares[(j0 + j) * W + i]), x, sum[j]);
      }
#pragma GCC unroll 8
      for (int j = 0; j < J; j++) sum[j].store(sums + (j0 + j) * padded + k0);
    }
  }
}

Tensor empty(const Tensor& like, std::initializer_list<int64_t> sizes) { return torch::stable::new_empty(like, sizes); }

std::tuple<Tensor, Tensor> attention(const Tensor& q_NHTK, const Tensor& k_NHTK, const Tensor& v_NHTK, double scale) {
  const int64_t N = q_NHTK.size(0), H = q_NHTK.size(1), T = q_NHTK.size(2), K = q_NHTK.size(3);
  const Heads qs(q_NHTK), ks(k_NHTK), vs(v_NHTK);
  Tensor y_NTHK = empty(q_NHTK, {N, T, H, K}), norm_NHT = empty(q_NHTK, {N, H, T});
  Tensor work = empty(q_NHTK, {2 * K * W + T * W});
  float *across = work.mutable_data_ptr<float>(), *read = across + K * W, *shares = read + K * W;
  const V factor(static_cast<float>(scale));
  for (int64_t n = 0; n < N; n++)
    for (int64_t h = 0; h < H; h++) {
      const float *q = qs.tile(n, h), *k = ks.tile(n, h), *v = vs.tile(n, h);
      float* y = y_NTHK.mutable_data_ptr<float>() + (n * T * H + h) * K;
      float* norm = norm_NHT.mutable_data_ptr<float>() + (n * H + h) * T;
      for (int64_t i0 = 0; i0 < T; i0 += W) {
        const int64_t keys = i0 + W;
        at::vec::transpose_mxn<float>(q + i0 * qs.row, qs.row, across, W, W, K);
        V largest(-std::numeric_limits<float>::infinity()), total(0.0f);
        for (int64_t j0 = 0; j0 < keys; j0 += J) {
          V score[J];
          products(k + j0 * ks.row, ks.row, across, K, score);
#pragma GCC unroll 8
          for (int j = 0; j < J; j++) {
            score[j] = score[j] * factor;
            if (j0 >= i0) score[j] = score[j] + V::loadu(future.added + (j0 + j - i0) * W);
            score[j].store(shares + (j0 + j) * W);
            largest = at::vec::maximum(largest, score[j]);
          }
        }
        for (int64_t j = 0; j < keys; j++) {
          const V share = (V::loadu(shares + j * W) - largest).exp_u20();
          share.store(shares + j * W);
          total = total + share;
        }
        gathered(shares, keys, v, vs.row, K, read);
        // `exp_u20` gives a number for NaN; what is added is 0 or, where a score is not finite, NaN.
        const V part = V(1.0f) / total, lost = largest - largest;
        for (int64_t k = 0; k < K; k++) at::vec::fmadd(V::loadu(read + k * W), part, lost).store(read + k * W);
        at::vec::transpose_mxn<float>(read, W, y + i0 * H * K, H * K, K, W);
        (largest + total.log()).store(norm + i0);
      }
    }
  return {torch::stable::transpose(y_NTHK, 1, 2), norm_NHT};
}

std::tuple<Tensor, Tensor, Tensor> attention_backward(const Tensor& dy_NHTK, const Tensor& q_NHTK, const Tensor& k_NHTK,
                                                      const Tensor& v_NHTK, const Tensor& y_NHTK,
                                                      const Tensor& norm_NHT, double scale) {
  const int64_t N = q_NHTK.size(0), H = q_NHTK.size(1), T = q_NHTK.size(2), K = q_NHTK.size(3);
  const int64_t padded = (K + W - 1) / W * W;
  const Heads qs(q_NHTK), ks(k_NHTK), vs(v_NHTK), ys(y_NHTK), dys(dy_NHTK);
  Tensor dq_NTHK = empty(q_NHTK, {N, T, H, K}), dk_NTHK = empty(q_NHTK, {N, T, H, K});
  Tensor dv_NTHK = empty(q_NHTK, {N, T, H, K}), work = empty(q_NHTK, {3 * K * W + 2 * T * W + 2 * T * padded});
  float *across = work.mutable_data_ptr<float>(), *dacross = across + K * W, *third = dacross + K * W;
  float *shares = third + K * W, *dscores = shares + T * W, *dks = dscores + T * W, *dvs = dks + T * padded;
  const V factor(static_cast<float>(scale));
  for (int64_t n = 0; n < N; n++)
    for (int64_t h = 0; h < H; h++) {
      const float *q = qs.tile(n, h), *k = ks.tile(n, h), *v = vs.tile(n, h);
      const float *y = ys.tile(n, h), *dy = dys.tile(n, h);
      const float* norm = norm_NHT.const_data_ptr<float>() + (n * H + h) * T;
      const int64_t tile = (n * T * H + h) * K;
      for (int64_t x = 0; x < 2 * T * padded; x += W) V(0.0f).store(dks + x);
      for (int64_t i0 = 0; i0 < T; i0 += W) {
        const int64_t keys = i0 + W;
        at::vec::transpose_mxn<float>(q + i0 * qs.row, qs.row, across, W, W, K);
        at::vec::transpose_mxn<float>(dy + i0 * dys.row, dys.row, dacross, W, W, K);
        at::vec::transpose_mxn<float>(y + i0 * ys.row, ys.row, third, W, W, K);
        V mean(0.0f);  // of dshares, which a softmax takes away
        for (int64_t k = 0; k < K; k++)
          mean = at::vec::fmadd(V::loadu(third + k * W), V::loadu(dacross + k * W), mean);
        for (int64_t j0 = 0; j0 < keys; j0 += J) {
          V score[J], dshare[J];
          products(k + j0 * ks.row, ks.row, across, K, score);
          products(v + j0 * vs.row, vs.row, dacross, K, dshare);
#pragma GCC unroll 8
          for (int j = 0; j < J; j++) {
            V exponent = at::vec::fmsub(score[j], factor, V::loadu(norm + i0));
            if (j0 >= i0) exponent = exponent + V::loadu(future.added + (j0 + j - i0) * W);
            const V share = exponent.exp_u20();
            share.store(shares + (j0 + j) * W);
            (share * (dshare[j] - mean) * factor).store(dscores + (j0 + j) * W);
          }
        }
        gathered(dscores, keys, k, ks.row, K, third);
        at::vec::transpose_mxn<float>(third, W, dq_NTHK.mutable_data_ptr<float>() + tile + i0 * H * K, H * K, K, W);
        scattered(dscores, keys, q + i0 * qs.row, qs.row, K, dks, padded);
        scattered(shares, keys, dy + i0 * dys.row, dys.row, K, dvs, padded);
      }
      float *dk = dk_NTHK.mutable_data_ptr<float>() + tile, *dv = dv_NTHK.mutable_data_ptr<float>() + tile;
      for (int64_t j = 0; j < T; j++)
        for (int64_t k0 = 0; k0 < K; k0 += W) {
          const int64_t count = K - k0 < W ? K - k0 : W;
          V::loadu(dks + j * padded + k0).store(dk + j * H * K + k0, count);
          V::loadu(dvs + j * padded + k0).store(dv + j * H * K + k0, count);
        }
    }
  using torch::stable::transpose;
  return {transpose(dq_NTHK, 1, 2), transpose(dk_NTHK, 1, 2), transpose(dv_NTHK, 1, 2)};
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(seedsweep, library) {
  library.def("attention(Tensor q, Tensor k, Tensor v, float scale) -> (Tensor, Tensor)");
  library.def(
      "attention_backward(Tensor dy, Tensor q, Tensor k, Tensor v, Tensor y, Tensor norm, float scale)"
      " -> (Tensor, Tensor, Tensor)");
}
STABLE_TORCH_LIBRARY_IMPL(seedsweep, CPU, library) {
  library.impl("attention", TORCH_BOX(&attention));
  library.impl("attention_backward", TORCH_BOX(&attention_backward));
}
