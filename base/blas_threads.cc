#include "base/blas_threads.h"

#include <dlfcn.h>

#include <condition_variable>
#include <mutex>

namespace metaqnn {
namespace {

thread_local int wanted = 0;  // threads for the calls of this thread; 0 = as found

// Looked up, because BLAS may be another one.
template <typename Function>
Function* open_blas(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// The number of the process, and the calls that are under way with it.
class Process {
 public:
  void enter(int threads) {
    if (get_ == nullptr || set_ == nullptr) return;
    const std::lock_guard turn(turn_);  // held while it waits: who comes later waits behind it
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return calls_ == 0 || threads == 0 || threads == now_; });
    if (calls_++ > 0) return;
    found_ = get_();
    now_ = threads > 0 ? threads : found_;
    if (now_ != found_) set_(now_);
  }

  void leave() {
    if (get_ == nullptr || set_ == nullptr) return;
    const std::lock_guard lock(mutex_);
    if (--calls_ > 0) return;
    if (now_ != found_) set_(found_);
    ended_.notify_one();
  }

  void set(int threads) {
    if (get_ == nullptr || set_ == nullptr) return;
    const std::lock_guard lock(mutex_);
    found_ = threads;
    if (calls_ == 0) set_(threads);
  }

 private:
  int (*const get_)() = open_blas<int()>("openblas_get_num_threads");
  void (*const set_)(int) = open_blas<void(int)>("openblas_set_num_threads");
  std::mutex turn_, mutex_;
  std::condition_variable ended_;
  int calls_ = 0;
  int found_ = 0, now_ = 0;  // before the first of these calls, and for them
};

Process& process() {
  static Process process;
  return process;
}

}  // namespace

BlasThreads::BlasThreads(int threads) : before_(wanted) { wanted = threads; }
BlasThreads::~BlasThreads() { wanted = before_; }

void set_blas_threads(int threads) { process().set(threads); }

BlasCall::BlasCall() { process().enter(wanted); }
BlasCall::~BlasCall() { process().leave(); }

}  // namespace metaqnn
