// What one core of this machine can do at most: the yardstick that kernels are compared with.
#pragma once

namespace tilesmith {

struct Calibration {
    double peak_gflops = 0;    // f32, with the widest registers the processor has; best of several short runs
    double read_gb_per_s = 0;  // sequential reading of a buffer larger than the last cache, in 10^9 bytes a second
};

// Measures for about `seconds` on the calling thread.
Calibration calibrate(double seconds);

// The peak alone: for progress displays, which cannot wait.
double measure_peak_gflops(double seconds);

}  // namespace tilesmith
