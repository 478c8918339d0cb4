// SPDX-License-Identifier: MIT
// The algorithms of each kind of pool, in the order in which they are asked: the first that suits
// and does not refuse runs. A new algorithm is its own file and its line here. (The table of the
// gradients of norms, which is built upon these, is in norm_grad.h.)
#pragma once

#include <type_traits>

#include "algorithms/pool/apart.h"
#include "algorithms/pool/channel_lanes.h"
#include "algorithms/pool/integers.h"
#include "algorithms/pool/joined_rows.h"
#include "algorithms/pool/plan.h"
#include "algorithms/pool/sliding.h"
#include "algorithms/pool/sum_grad.h"
#include "algorithms/pool/whole_pixels.h"
#include "algorithms/pool/whole_planes.h"
#include "algorithms/pool/wide_windows.h"
#include "algorithms/pool/window_by_window.h"
#include "algorithms/pool/window_indices.h"

namespace fastconv::pool {

template <class T>
using FloatValues = Plan<Use::values, Arrays<T>,  //
                         WholePlanes<T>,          //
                         WholePixels<T>,          //
                         Apart<T>,                //
                         WideWindows<T>,          //
                         ChannelLanes<T>,         //
                         JoinedRows<T>,           //
                         Sliding<T>,              //
                         WindowByWindow<T>>;
template <class T>
using IntegerValues = Plan<Use::values, Arrays<T>,  // of max, min and sum
                           Apart<T>,                //
                           Integers<T>,             //
                           Sliding<T>>;
template <class T>
using Values = std::conditional_t<std::is_floating_point_v<T>, FloatValues<T>, IntegerValues<T>>;

template <class T>
using FloatIndices = Plan<Use::indices, Arrays<T>,  //
                          ApartIndices<T>,          //
                          ChannelLanes<T>,          //
                          Sliding<T>,               //
                          WindowIndices<T>>;
template <class T>
using IntegerIndices = Plan<Use::indices, Arrays<T>,  //
                            Sliding<T>,               //
                            WindowIndices<T>>;
template <class T>
using Indices = std::conditional_t<std::is_floating_point_v<T>, FloatIndices<T>, IntegerIndices<T>>;

template <class T>
using SumGrad = Plan<Use::sum_grad, Arrays<T>,  //
                     SumGradWholePlanes<T>,     //
                     ChannelLanes<T>,           //
                     SumGradRows<T>,            //
                     Sliding<T>,                //
                     SumGradTaps<T>>;

}  // namespace fastconv::pool
