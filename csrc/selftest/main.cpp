// SPDX-License-Identifier: MIT
// Tests the kernels of an ISA without Python, so that it can be cross-compiled and run in an
// emulator. First single kernels are compared with plain loops or with the scalar ISA, then whole
// convolutions and pools are.
//
//     fastconv_selftest ISA
#include <chrono>

#include "core/dispatch.h"
#include "selftest/check.h"

namespace {

using namespace fastconv;
using namespace fastconv::selftest;

struct Part {
  const char* name;
  void (*run)(const KernelTable& isa, Report& report);
};
constexpr Part kParts[] = {{"gemm", test_gemm},
                           {"depthwise, dot, sum, peak", test_small_tiles},
                           {"channel_lanes", test_channel_lanes},
                           {"pixels", test_pixels},
                           {"winograd", test_winograd},
                           {"fft", test_fft},
                           {"rows", test_rows},
                           {"vector math", test_vector_math},
                           {"convolutions", test_convolutions},
                           {"pools", test_pools}};

bool passes(const Part& part) {
  const auto start = std::chrono::steady_clock::now();
  Report report;
  part.run(active_table(), report);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%s: %ld checks, %ld failed, %.1f s\n", part.name, report.checks(), report.failures(),
              seconds.count());
  return report.checks() > 0 && report.failures() == 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    require(argc == 2, "usage: fastconv_selftest ISA");
    set_isa(argv[1]);
    bool ok = true;
    for (const Part& part : kParts) ok = passes(part) && ok;
    std::printf("%s: %s\n", active_table().isa, ok ? "all passed" : "FAILED");
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 2;
  }
}
