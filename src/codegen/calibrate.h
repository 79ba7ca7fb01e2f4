// What this machine can do at most, one core alone and all together: the yardstick that kernels are compared with.
#pragma once

#include <cstddef>

namespace tilesmith {

// Of one core: the best of several short runs; or the sum of all while all work. Rates of reading are in 10^9 bytes a
// second, from the second cache, the last one (0 where there is none) and memory.
struct Rates {
    double peak_gflops = 0;  // f32, with the widest registers the processor has
    double l2_gb_per_s = 0;
    double l3_gb_per_s = 0;
    double memory_gb_per_s = 0;
};

struct Calibration {
    int cores = 1;  // physical ones this process may run on
    Rates one_core;
    Rates all_cores;  // each core works on data of its own
};

// Measures for about `seconds`.
Calibration calibrate(double seconds);

// Reads `elements` numbers (the last few may be left out) from a 16-byte boundary on, as `streams` streams side by
// side: 1 or 4. More of them keep more requests on their way, fewer suit the hardware's prefetching.
void read_memory(const float* data, size_t elements, int streams);

// The peak alone: for progress displays, which cannot wait.
double measure_peak_gflops(double seconds);

}  // namespace tilesmith
