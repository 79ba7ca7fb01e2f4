// One function an operator: its row of the table in operator.cpp. Each is written in the file named beside it.
#pragma once

#include "schedules/operator.h"

namespace tilesmith {

Operator matmul_operator();             // matmul/operator.cpp
Operator conv2d_operator();             // conv/operator.cpp
Operator conv3d_operator();             // conv/operator.cpp
Operator conv1d_operator();             // conv/operator.cpp
Operator capsule_conv2d_operator();     // conv/operator.cpp
Operator conv2d_transposed_operator();  // transposed/operator.cpp
Operator max_pool_operator();           // pool/operator.cpp
Operator avg_pool_operator();           // pool/operator.cpp
Operator softmax_operator();            // rows/operator.cpp
Operator layer_norm_operator();         // rows/operator.cpp
Operator rms_norm_operator();           // rows/operator.cpp
Operator norm_operator();               // rows/operator.cpp
Operator reduce_sum_operator();         // reduce/operator.cpp
Operator reduce_max_operator();         // reduce/operator.cpp
Operator reduce_mean_operator();        // reduce/operator.cpp
Operator elementwise_operator();        // elementwise/operator.cpp
Operator transpose_operator();          // layout/operator.cpp

// What every operator's arguments end with: the tensors that the epilogue reads, in its order, then `output`. Appends
// to `arguments`. The output's last `channel_axes` axes are its channels.
void append_epilogue_and_output(const Problem& problem, const Argument& output, std::vector<Argument>& arguments,
                                int channel_axes = 1);

}  // namespace tilesmith
