// What happened to a schedule: its samples, or why there are none. Stored, shown and learned from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tilesmith {

enum class Status {
    ok,
    illegal,         // touches memory outside its buffers, found before compiling
    compile_failed,  // Halide or LLVM refused it
    wrong_result,    // ran, and its output differs from the reference
    crashed,         // the child died of a signal: out-of-bounds access, illegal instruction, ...
    timed_out,       // compiling or running took longer than allowed; the child was killed
    out_of_memory,   // exceeded the child's memory limit
    run_failed,      // the kernel returned an error code
};

std::string_view status_name(Status status);
std::optional<Status> status_named(std::string_view name);

struct Outcome {
    Status status = Status::ok;
    std::string reason;              // empty when ok
    std::vector<double> samples_ns;  // one a timed repetition, nanoseconds a call
    bool censored = false;           // timing stopped early: clearly slower than the best (samples are kept)
    double reference_ns = 0;         // the reference kernel timed beside it (0: not timed); see tuner/
    double compile_ms = 0;           // lowering and code generation

    [[nodiscard]] bool ok() const { return status == Status::ok; }
    static Outcome failed(Status status, std::string reason) { return {status, std::move(reason), {}, false, 0, 0}; }
};

// The median of `values` (the mean of the middle two for an even count). `values` must not be empty.
double median(std::vector<double> values);

struct Interval {
    double low = 0;
    double high = 0;
};

// A 95% interval of the median from order statistics (binomial; no assumption about the distribution). For fewer than
// six values, where no such interval exists, the range.
Interval median_interval(std::vector<double> values);

}  // namespace tilesmith
