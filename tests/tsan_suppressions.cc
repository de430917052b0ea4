// What the thread sanitizer shall not report: the threads of OpenBLAS wait for each other in ways
// that it does not see.
extern "C" const char* __tsan_default_suppressions();   // NOLINT: the sanitizer's name
extern "C" const char* __tsan_default_suppressions() {  // NOLINT
  return "race:libopenblas.so\n";
}
