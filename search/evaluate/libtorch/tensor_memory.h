// Where do tensors on the CPU get their memory?
#pragma once

namespace metaqnn::search {

// From now on, in this process: memory that a tensor frees stays in the process until
// release_tensor_memory(), and the next tensor of that size gets the same again.
//
// Maps of tens of megabytes are freed and taken again in every step. glibc gives blocks of that
// size back to the system and fetches them page by page, which takes longer than a narrow network's
// arithmetic. Told to keep them, it still cannot give one to the next tensor of the same size,
// since LibTorch asks for aligned memory and glibc cuts that from a larger block; so the heap grows
// by a third, now and then by more. Aligning here, in a block of malloc's, ends that.
void keep_tensor_memory();

void release_tensor_memory();

}  // namespace metaqnn::search
