#include "metaqnn/base/error.h"
#include "python/bindings.h"

namespace metaqnn::python {
namespace {

// As the exception of that name in python/metaqnn/_errors.py.
void raise(const char* name, const Error& error) {
  const py::object type = py::module_::import("metaqnn._errors").attr(name);
  PyErr_SetString(type.ptr(), error.what());
}

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const UsageError& error) {
    raise("UsageError", error);
  } catch (const DataError& error) {
    raise("DataError", error);
  } catch (const InterruptedError&) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
  } catch (const Error& error) {
    raise("FailureError", error);
  }
}

}  // namespace
}  // namespace metaqnn::python

PYBIND11_MODULE(_metaqnn, module) {
  module.attr("__version__") = METAQNN_VERSION;
  pybind11::register_local_exception_translator(metaqnn::python::translate);
  metaqnn::python::bind_predict(module);
  metaqnn::python::bind_search(module);
}
