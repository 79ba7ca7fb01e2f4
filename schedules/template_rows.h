// One function a template: its row of the table in template.cpp. Each is written in the file named beside it.
#pragma once

#include "schedules/template.h"

namespace tilesmith {

Template small_template();          // matmul/small.cpp
Template dot_template();            // matmul/dot.cpp
Template stream_template();         // matmul/stream.cpp
Template split_k_template();        // matmul/split_k.cpp
Template register_tile_template();  // matmul/register_tile_space.cpp
Template depthwise_template();      // conv/depthwise_space.cpp
Template winograd_template();       // conv/winograd.cpp
Template direct_template();         // conv/direct_space.cpp
Template phases_template();         // transposed/phases.cpp
Template spread_template();         // transposed/spread.cpp
Template window_template();         // pool/window.cpp
Template row_passes_template();     // rows/row_passes.cpp
Template sum_chunks_template();     // rows/sum_chunks.cpp
Template fold_rows_template();      // reduce/fold_rows.cpp
Template fold_columns_template();   // reduce/fold_columns.cpp
Template chain_template();          // elementwise/chain.cpp
Template tiles_template();          // layout/tiles.cpp

}  // namespace tilesmith
