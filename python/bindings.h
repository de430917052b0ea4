// What the parts of the extension module _metaqnn share. Its face for people is python/metaqnn/.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <atomic>
#include <chrono>
#include <future>
#include <utility>

namespace metaqnn::python {

namespace py = pybind11;

// `work(stop)` on a thread of its own and without Python's lock, while this one asks for signals: after
// Ctrl-C `stop` is set, and once the work has ended Python's exception is thrown.
template <typename Work>
auto interruptible(Work work) {
  std::atomic<bool> stop{false};
  auto result = std::async(std::launch::async, [&] { return work(&stop); });
  const auto is_ready = [&] {
    const py::gil_scoped_release unlocked;
    return result.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
  };
  while (!is_ready()) {
    if (PyErr_CheckSignals() == 0) continue;
    const py::error_already_set interrupt;
    stop = true;
    {
      const py::gil_scoped_release unlocked;
      result.wait();
    }
    throw interrupt;
  }
  return result.get();
}

// Columns of a table by name, in their order: what becomes a data frame.
class Columns {
 public:
  template <typename Value>
  void add(const std::string& name, const Value& value) {
    const py::str key(name);
    if (!columns_.contains(key)) columns_[key] = py::list();
    columns_[key].cast<py::list>().append(py::cast(value));
  }
  py::dict take() { return std::move(columns_); }

 private:
  py::dict columns_;
};

void bind_predict(py::module_& module);
void bind_search(py::module_& module);

}  // namespace metaqnn::python
