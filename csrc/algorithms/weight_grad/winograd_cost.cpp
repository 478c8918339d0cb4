// SPDX-License-Identifier: MIT
#include <cmath>

#include "algorithms/weight_grad/winograd.h"
#include "algorithms/weight_grad/winograd_cut.h"

namespace fastconv {
namespace {

// Cycles of one core, as cost.h has them for the forward sums.
template <class T>
double cycles(const Correlation& r, const TileGrid& grid, const Exec& exec) {
  constexpr double kTile = 60;             // calling a tile, loading and storing its sums
  constexpr double kFeeding = 1.1;         // its loads beside its FMAs
  constexpr double kTurned = 4;            // a vector of pixels
  constexpr double kPlace = 4;             // a vector of a transformed tile, both passes
  constexpr double kRun = 60;              // a row of a run of tiles
  constexpr double kSum = 4, kTotal = 20;  // a vector of products, and of the sums they become
  const WinogradGradCut cut = winograd_grad_cut<T>(r, grid, exec);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const double places = double(grid.alphas()), tiles = double(cut.tiles), c = double(r.c);
  const double vectors = double(cut.dy.units * cut.dy.nv);
  const double parts = std::ceil(double(cut.x_units * cut.x.unit) /
                                 double(exec.kernels<T>().conv.channel_lanes.max_pixels));
  const double calls = places * double(cut.blocks * cut.dy.units * cut.x_tasks) * parts;
  const double product = places * tiles * c * vectors / 2 * kFeeding + calls * kTile;
  const double runs = double(r.batch * grid.h.tiles()) + double(cut.blocks);
  const auto side = [&](const WinogradGradSide& s, index_t rows, index_t columns) {
    const double tile = double(rows * columns) * kTurned + places * kPlace;
    return double(s.units) * (tiles * double(s.nv) * tile + runs * double(rows) * kRun);
  };
  const double image = double(cut.dy_tasks) * side(cut.x, h.alpha, w.m);
  const double gradient = double(cut.x_tasks) * side(cut.dy, h.m, w.m);
  const double flushes = double(ceil_div(cut.blocks, cut.most_blocks));
  const double sums = flushes * c * vectors * (places * kSum + double(r.taps()) * kTotal);
  return double(r.groups) * (product + image + gradient + sums);
}

}  // namespace

template <class T>
std::optional<WinogradForm> winograd_grad_form(const Correlation& r, double outer,
                                               const Request& request, const Exec& exec) {
  if (r.batch == 0) return {};
  if (request.form) return request.form;
  if (request.plain_sums || sizeof(T) == sizeof(double)) return {};
  if (r.mode != PadMode::zeros) return {};  // tiles are cut from the image as it is
  std::optional<WinogradForm> best;
  for (const WinogradForm& form : winograd_forms(r)) {
    const TileGrid grid(r, form);
    if (grid.h.step() != 1 || grid.w.step() != 1) continue;  // phases are not worth their rows
    if (const double cost = cycles<T>(r, grid, exec); cost < outer) outer = cost, best = form;
  }
  return best;
}

template std::optional<WinogradForm> winograd_grad_form<float>(const Correlation&, double,
                                                               const Request&, const Exec&);
template std::optional<WinogradForm> winograd_grad_form<double>(const Correlation&, double,
                                                                const Request&, const Exec&);

}  // namespace fastconv
