// SPDX-License-Identifier: MIT
#include "algorithms/stream/direct.h"

namespace fastconv::stream {

// Half of a vector of channels that is filled is worth more than samples that lie as rows: nobody
// knows how long blocks will be, and with channels as lanes short ones are as quick as long ones.
template <class T>
std::shared_ptr<const Engine<T>> make_direct_engine(const Desc& desc,
                                                    const Parameters<T>& parameters,
                                                    const Exec& exec) {
  if (desc.op == Op::max) return make_maxima<T>(desc, exec);
  const index_t half = exec.kernels<T>().conv.gemm.lanes / 2;
  const bool rows_may = desc.op == Op::conv && desc.stride == 1;
  const bool depthwise = desc.c_in == desc.groups && desc.c_out == desc.groups;
  if (desc.op == Op::average || (depthwise && (!rows_may || desc.groups >= half)))
    return make_lines(desc, parameters, exec);
  if (!rows_may || desc.c_out / desc.groups >= half) return make_tiles(desc, parameters, exec);
  return make_rows(desc, parameters, exec);
}

template std::shared_ptr<const Engine<float>> make_direct_engine(const Desc&,
                                                                 const Parameters<float>&,
                                                                 const Exec&);
template std::shared_ptr<const Engine<double>> make_direct_engine(const Desc&,
                                                                  const Parameters<double>&,
                                                                  const Exec&);

}  // namespace fastconv::stream
