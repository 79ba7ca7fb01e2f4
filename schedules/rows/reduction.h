// The reduction of a row to one number, as every template of the operators on rows needs it.
#pragma once

#include <Halide.h>

#include <functional>
#include <string>

#include "schedules/blocks/combine.h"

namespace tilesmith {

// A row of `cols` elements is reduced in `chunks` pieces of equal length (in turn, or by as many tasks), each by
// `vectors` accumulators of `lanes` lanes; what remains after whole steps is reduced one by one.
struct RowReduction {
    // The term of column `column` in row `row`.
    using Term = std::function<Halide::Expr(const Halide::Expr& column, const Halide::Expr& row)>;

    RowReduction(const std::string& name, Combine how, int cols, int lanes, int vectors, int chunks, const Term& term);

    // Where the number is computed: inside the loop `level` of `consumer`, for the one row it is at. The chunks there
    // too, or those of all rows as tasks, before anything else.
    void compute_at(const Halide::Func& consumer, const Halide::Var& level, bool chunks_in_parallel = false);

    Halide::Func total;  // (row)

  private:
    int lanes_, step_, steps_, chunks_;
    Halide::Var lane_{"lane"}, chunk_{"chunk"}, row_{"row"};
    Halide::RDom at_, lanes_of_all_;
    Halide::Func partial_;  // (lane, chunk, row)
};

}  // namespace tilesmith
