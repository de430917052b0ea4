#error "metaqnn includes a header of the project that uses it"
