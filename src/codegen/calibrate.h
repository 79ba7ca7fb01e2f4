// What this machine can do at most, one core alone and all together: the yardstick that kernels are compared with.
#pragma once

#include <cstddef>

namespace tilesmith {

struct Calibration {
    double peak_gflops = 0;    // f32, with the widest registers the processor has; best of several short runs
    double read_gb_per_s = 0;  // reading a buffer larger than the last cache, in 10^9 bytes a second; best of several
    int cores = 1;             // physical ones this process may run on
    double peak_gflops_all_cores = 0;    // the sum, while all cores run; likewise
    double read_gb_per_s_all_cores = 0;  // each core reads a buffer of its own
};

// Measures for about `seconds`.
Calibration calibrate(double seconds);

// Reads `elements` numbers (the last few may be left out) from a 16-byte boundary on, as `streams` streams side by
// side: 1 or 4. More of them keep more requests on their way, fewer suit the hardware's prefetching.
void read_memory(const float* data, size_t elements, int streams);

// The peak alone: for progress displays, which cannot wait.
double measure_peak_gflops(double seconds);

}  // namespace tilesmith
