// How does a file get to the disk whole, and nothing be destroyed that is no file?
//
// The links of a name are followed and stay; what they lead to decides:
//
//   a regular file, or nothing  A draft beside it takes the content, reaches the disk, and then the
//                               name. So the name stands for a whole file at every moment, the old
//                               one or the new, and a failure leaves the old one as it was. The
//                               file keeps its mode, its group where the user is in it, and its
//                               owner where root writes; a new one gets what umask leaves of
//                               rw-rw-rw-. A file that is a mount, as containers have, is written
//                               to in place.
//   a pipe, terminal or device  is opened and written to, and never replaced. To open a named pipe
//                               waits for its reader.
//   what lies in /proc          is written to in place, whatever it is: /dev/stdout, /dev/fd/3. A
//                               descriptor of this process is written to from where it stands.
//   a folder, a socket          is refused, and so is
//   an SQLite database          (by its first bytes): a study, whose name was meant for something
//                               else.
//
// A process that is killed while it writes leaves its draft, ".metaqnn-PID-NUMBER.draft", which
// nobody reads. No signal comes of a reader that has gone (SIGPIPE) or of a limit on the size of
// files (SIGXFSZ): both are errors.
//
// Throws UsageError for a folder, a socket or a database, FailureError with the system's reason for
// whatever else cannot be written. Safe from several threads; of two that write one file the last
// wins.
//
//   check_output("quick.model");       // before the work, so that no work is lost
//   write_file("quick.model", text);
#pragma once

#include <filesystem>
#include <string_view>

namespace metaqnn {

void write_file(const std::filesystem::path& file, std::string_view content);

// Throws what write_file() would, as far as it can be told beforehand. Nothing is made or
// changed.
void check_output(const std::filesystem::path& file);

}  // namespace metaqnn
