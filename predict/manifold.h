// Can architectures that nobody trained help? Laplacian regularised least squares: f shall be smooth
// along the graph that joins similar architectures, whether labelled or not.
//
//   minimise  sum_i (y_i - f(x_i) - b)^2 + lambda |f|_K^2 + gamma f' L f
//   lambda = g_A l,  gamma = g_I l / (l + u)^2
//
//   l, u   labelled and unlabelled points, N = l + u; L: N x N, the normalised Laplacian of the
//          graph of 10 nearest neighbours (kernels/graph.h); b an intercept outside both norms
//
// Solved in the feature space of m landmarks, phi(x) = diag(w)^-1/2 V' k(x) with V, w the positive
// part of the landmarks' spectrum, so that every kernel is positive definite here:
//
//   A = P'P + lambda (I + rho G),  G = Phi' L Phi / N,  v = A^-1 P' y,  f = phi' v
//   r_i = (y_i - f_i - b) / (1 - S_ii),  S = 1/l + P A^-1 P'       left out, but kept as unlabelled
//
//   Phi    N x m; P the labelled rows less their mean; rho = gamma N / lambda
//
// Up to kExactPoints points, or where FitSettings::centres is 0, all are landmarks and this is exact (Belkin, Niyogi, Sindhwani, JMLR 7
// (2006), equation 8, with the intercept). Beyond, the landmarks are the labelled points (at most
// half of kExactPoints) and random unlabelled ones (Nystrom), and the report says by how much that
// changes k(x,x). rho and lambda are those with the least squared r_i; rho = 0, which is kernel
// least squares exactly (without landmarks), stays unless another gains 1% on it. In the
// eigenvectors of G, found once, every rho has a diagonal penalty.
// Cost: m^3, min(l, m)^3 for each rho, N m^2, N^2 distances; memory 2 N m.
#pragma once

#include "predict/kernel_regressor.h"

namespace metaqnn::predict {

constexpr Eigen::Index kExactPoints = 1500;

std::unique_ptr<Regressor> fit_rbf_mr(const Training& training);
std::unique_ptr<Regressor> fit_ed_mr(const Training& training);
std::unique_ptr<Regressor> restore_rbf_mr(const Training& training, const nlohmann::json& state);
std::unique_ptr<Regressor> restore_ed_mr(const Training& training, const nlohmann::json& state);

}  // namespace metaqnn::predict
