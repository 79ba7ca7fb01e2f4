// Finds a program, runs it and reads what it prints.
#pragma once

#include <string>
#include <vector>

namespace tilesmith {

// The path of one of our programs: beside the running one, one folder up, or in ../libexec/tilesmith. Throws run_failed
// naming the places.
std::string own_program(const std::string& name);

struct ChildResult {
    std::string output;      // all of its stdout
    int exit_status = -1;    // -1 if a signal ended it
    int signal = 0;          // the signal
    bool timed_out = false;  // it was killed after the time limit
};

// Spawns `words` (spawn and exec; stdin is empty, stderr is ours) and waits for its end, at most `timeout_s`. Throws
// run_failed if it cannot be started.
ChildResult run_child(const std::vector<std::string>& words, double timeout_s);

}  // namespace tilesmith
