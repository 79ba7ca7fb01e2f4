// Says what a kernel did when it dies of a signal: a frame with the reason is written before the process goes down.
#pragma once

namespace tilesmith {

class GuardedMemory;

// From now on SIGSEGV, SIGBUS, SIGILL and SIGFPE write a frame {"type": "fault", "reason": ..., "status": ...,
// "contender": N} to `frame_fd` before they end the process as usual. `status` is "crashed", or "out_of_memory" where
// memory had run out.
void report_faults(int frame_fd);

// Which of several loaded kernels runs; -1: there is only one.
void set_contender(int contender);

// Keep `memory` among the places that a report can name (at most 64 at a time; more go unnamed).
void watch_for_faults(const GuardedMemory* memory);
void forget_faults(const GuardedMemory* memory);

}  // namespace tilesmith
