// SPDX-License-Identifier: MIT
// What the self-test is made of: arrays that end where readable memory ends, numbers to fill them,
// and comparisons that are counted.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <utility>

#include "core/kernel_table.h"
#include "core/require.h"

namespace fastconv::selftest {

// An array of n elements, all `value` at first. The page behind the last element is protected:
// whoever touches it ends the program.
template <class T>
class Fenced {
 public:
  explicit Fenced(index_t n, T value = T{0}) : n_(n) {
    const index_t page = sysconf(_SC_PAGESIZE), bytes = n * index_t{sizeof(T)};
    const index_t used = (bytes + page - 1) / page * page;
    whole_ = static_cast<std::size_t>(used + page);
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, whole_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory_ == MAP_FAILED ||
        mprotect(memory_ + used, static_cast<std::size_t>(page), PROT_NONE))
      std::abort();
    data_ = reinterpret_cast<T*>(memory_ + used - bytes);
    for (index_t i = 0; i < n; ++i) data_[i] = value;
  }
  ~Fenced() { munmap(memory_, whole_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  index_t size() const { return n_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](index_t i) { return data_[i]; }
  const T& operator[](index_t i) const { return data_[i]; }

 private:
  index_t n_;
  std::size_t whole_;
  std::byte* memory_;
  T* data_;
};

// An array of small whole numbers, so that sums of their products are exact in any order.
template <class T>
struct Integers : Fenced<T> {
  explicit Integers(index_t n) : Fenced<T>(n) {
    static std::minstd_rand random(5);
    for (index_t i = 0; i < n; ++i)
      (*this)[i] = static_cast<T>(static_cast<int>(random() % 17) - 8);
  }
};

// Counts checks and failures, and prints the first of these.
class Report {
 public:
  template <class... Parts>
  void expect(bool ok, const Parts&... parts) {
    ++checks_;
    if (ok) return;
    if (++failures_ <= 20) std::printf("FAILED: %s\n", sentence(parts...).c_str());
  }
  // expect_equal wants the same bits, where all NaNs are the same. expect_close allows each element
  // a difference of `tolerance` times the larger of its magnitude and `least`.
  template <class T, class... Parts>
  void expect_equal(const Fenced<T>& got, const Fenced<T>& want, const Parts&... parts) {
    compare(got, want, -1, 0, parts...);
  }
  template <class T, class... Parts>
  void expect_close(const Fenced<T>& got, const Fenced<T>& want, double tolerance, double least,
                    const Parts&... parts) {
    compare(got, want, tolerance, least, parts...);
  }
  long checks() const { return checks_; }
  long failures() const { return failures_; }

 private:
  template <class T, class... Parts>
  void compare(const Fenced<T>& got, const Fenced<T>& want, double tolerance, double least,
               const Parts&... parts) {
    index_t bad = -1;
    for (index_t i = 0; i < want.size() && bad < 0; ++i) {
      const double g = static_cast<double>(got[i]), w = static_cast<double>(want[i]);
      const bool same = (g == w && std::signbit(g) == std::signbit(w)) || (g != g && w != w);
      const bool near =
          tolerance >= 0 && std::abs(g - w) <= tolerance * std::fmax(std::abs(w), least);
      if (!same && !near) bad = i;
    }
    if (bad < 0)
      expect(got.size() == want.size(), parts...);
    else
      expect(false, parts..., ": element ", bad, " is ", got[bad], ", not ", want[bad]);
  }
  long checks_ = 0, failures_ = 0;
};

// Each part tests the kernels of a table, for float and double.
void test_gemm(const KernelTable& isa, Report& report);
void test_small_tiles(const KernelTable& isa, Report& report);  // depthwise, dot, sum, peak
void test_channel_lanes(const KernelTable& isa, Report& report);
void test_pixels(const KernelTable& isa, Report& report);  // that lie with channels as neighbours
void test_winograd(const KernelTable& isa, Report& report);
void test_fft(const KernelTable& isa, Report& report);
void test_rows(const KernelTable& isa, Report& report);  // gather_rows, transpose, extremes
void test_vector_math(const KernelTable& isa, Report& report);
void test_convolutions(const KernelTable& isa, Report& report);
void test_pools(const KernelTable& isa, Report& report);

// The half of a table that belongs to T.
template <class T>
const Kernels<T>& kernels(const KernelTable& table) {
  if constexpr (sizeof(T) == 4)
    return table.f32;
  else
    return table.f64;
}

}  // namespace fastconv::selftest
