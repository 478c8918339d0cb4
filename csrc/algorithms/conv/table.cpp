// SPDX-License-Identifier: MIT
// The table itself: a new algorithm is one line here.
#include "algorithms/conv/table.h"

#include "algorithms/conv/fill.h"
#include "algorithms/dense/dense.h"
#include "algorithms/depthwise/depthwise.h"
#include "algorithms/fft/fft.h"
#include "algorithms/transposed/transposed.h"
#include "algorithms/winograd/winograd.h"

namespace fastconv {
namespace {

// The entries that compute one phase at a time. EachPhase may choose another one for each phase.
template <class T>
std::vector<const PhaseAlgorithm<T>*> phase_algorithms() {
  std::vector<const PhaseAlgorithm<T>*> all{&dense::direct<T>(), &dense::im2col<T>(),
                                            &dense::pointwise<T>(), &depthwise::strips<T>(),
                                            &depthwise::rows<T>()};
  for (int i = 0; i < winograd::kForms; ++i) all.push_back(&winograd::form<T>(i));
  all.push_back(&winograd::split<T>(2));
  all.push_back(&winograd::split<T>(4));
  all.push_back(&fft::shared<T>());
  all.push_back(&fft::channels<T>());
  all.push_back(&fft::planes<T>());
  return all;
}

template <class T>
std::vector<const Algorithm<T>*> make_table() {
  static const EachPhase<T> each_phase(phase_algorithms<T>());
  std::vector<const Algorithm<T>*> all{&fill<T>()};
  for (const PhaseAlgorithm<T>* algorithm : phase_algorithms<T>()) all.push_back(algorithm);
  all.push_back(&each_phase);
  all.push_back(&dense::channel_lanes<T>());
  all.push_back(&dense::pixels<T>());
  all.push_back(&dense::pointwise_pixels<T>());
  for (int i = 0; i < winograd::kForms; ++i) all.push_back(&winograd::pixel_form<T>(i));
  all.push_back(&dense::image_lanes<T>());
  all.push_back(&transposed::shared_strip<T>());
  all.push_back(&transposed::depth_to_space<T>());
  all.push_back(&transposed::column_products<T>());
  all.push_back(&depthwise::pairs<T>());
  all.push_back(&depthwise::pixels<T>());
  all.push_back(&depthwise::in_place<T>());
  all.push_back(&depthwise::groups_in_place<T>());
  return all;
}

}  // namespace

template <class T>
const std::vector<const Algorithm<T>*>& table() {
  static const std::vector<const Algorithm<T>*> all = make_table<T>();
  return all;
}
template const std::vector<const Algorithm<float>*>& table();
template const std::vector<const Algorithm<double>*>& table();

}  // namespace fastconv
