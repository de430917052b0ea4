// How many threads does BLAS take for a call?
//
// OpenBLAS has one number for the process. Whoever sets it for a call of its own also sets it for
// the calls of other threads, and the last digits of a result depend on it. So a BlasThreads says
// how many threads the calls of the thread that made it shall take while it lives; one inside
// another hides it. The number is set by the call itself (kernels/dense.h,
// kernels/positive_definite.h) and the one found before is put back when it ends.
//
// Calls of several threads overlap where they take equally many; one that takes another number
// waits until those are done, and whoever comes later waits behind it. So each gives the numbers
// that it gives alone, and none waits for ever. A call outside any BlasThreads takes what it finds.
// With another BLAS than OpenBLAS nothing is set and nobody waits.
//
//   const BlasThreads small(1);    // matrices so small that threads would wait for each other
//   decompose(gram);
#pragma once

namespace metaqnn {

class BlasThreads {
 public:
  explicit BlasThreads(int threads);  // at least 1
  ~BlasThreads();
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  int before_;
};

// The number of the process, for calls outside any BlasThreads, of LibTorch for example. It stays.
void set_blas_threads(int threads);

// One call of BLAS: lives while it runs. Not to be nested.
class BlasCall {
 public:
  BlasCall();
  ~BlasCall();
  BlasCall(const BlasCall&) = delete;
  BlasCall& operator=(const BlasCall&) = delete;
};

}  // namespace metaqnn
