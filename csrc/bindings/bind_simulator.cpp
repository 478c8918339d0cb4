// SPDX-License-Identifier: MIT
// _native.testing.simulate: a call on a machine with any number of cores, on paper.
#include <algorithm>

#include "bindings/bind.h"
#include "core/dispatch.h"
#include "core/simulation.h"
#include "core/threads.h"
#include "core/workers.h"
#include "simulator/counting.h"

namespace fastconv {
namespace {

// While it lives, calls count cycles on as many cores as they ask for.
class OnPaper {
 public:
  explicit OnPaper(int cores) : cpus_(pretend_cpus(cores)) {
    use_table(counting_table(isa_));
    set_threading(Threading::simulated);
  }
  ~OnPaper() {
    set_threading(layer_);
    use_table(isa_);
    pretend_cpus(cpus_);
  }
  OnPaper(const OnPaper&) = delete;
  OnPaper& operator=(const OnPaper&) = delete;

 private:
  const KernelTable& isa_ = active_table();
  const Threading layer_ = threading();
  const int cpus_;
};

// Calls make(), and then what it returns, whose cycles count: returns those until the slowest
// thread was done, and those of all threads together. What the call computes is rubbish.
py::tuple simulate_call(int cores, const py::function& make) {
  const OnPaper machine(cores);
  const py::object call = make();
  simulation() = {};
  call();
  count_serial();
  return py::make_tuple(simulation().elapsed, simulation().busy);
}

}  // namespace

void bind_simulator(py::module_& testing) { testing.def("simulate", &simulate_call); }

}  // namespace fastconv
