// The template winograd: 3 x 3 convolutions by F(2x2, 3x3) or F(4x4, 3x3) (Lavin and Gray, Fast Algorithms for
// Convolutional Neural Networks, CVPR 2016), under accuracy=fast alone. Patches of m + 2 by m + 2 input pixels and the
// weights are transformed; then each of the (m + 2)^2 places of a patch is one matmul of patches with channels; what
// comes out is transformed back to m x m output pixels. 2.25 or 4 times fewer multiply-adds than the sum over taps.
//
// Weights are transformed beforehand. The input is copied with zeros around it, so that patches are whole; the output
// is guarded. Blocks are whole rows of patches; the last tile of patches of a block starts earlier.
#include <Halide.h>

#include <algorithm>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/blocks/tail.h"
#include "schedules/blocks/tiling.h"
#include "schedules/conv/shape.h"
#include "schedules/pipeline.h"
#include "schedules/template_rows.h"

namespace tilesmith {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::TailStrategy;
using Halide::Var;

constexpr int64_t kLeastChannels = 16;       // fewer do not repay the transforms
constexpr int64_t kMostWorkBytes = 1 << 28;  // of transformed patches
const std::string kBlocks = "blocks";        // threads take blocks of patches
const std::string kStages = "stages";        // threads share each stage of one block of everything

TemplateId id() { return {"winograd", 1}; }

using Matrix = std::vector<std::vector<double>>;

// The three transforms of F(m x m, 3 x 3), for each axis.
struct Transforms {
    Matrix input, weight, output;
};

const Transforms& transforms_of(int64_t m) {
    static const Transforms two{
        {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
        {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
        {{1, 1, 1, 0}, {0, 1, -1, -1}},
    };
    static const Transforms four{
        {{4, 0, -5, 0, 1, 0},
         {0, -4, -4, 1, 1, 0},
         {0, 4, -4, -1, 1, 0},
         {0, -2, -1, 2, 1, 0},
         {0, 2, -1, -2, 1, 0},
         {0, 4, 0, -5, 0, 1}},
        {{1 / 4.0, 0, 0},
         {-1 / 6.0, -1 / 6.0, -1 / 6.0},
         {-1 / 6.0, 1 / 6.0, -1 / 6.0},
         {1 / 24.0, 1 / 12.0, 1 / 6.0},
         {1 / 24.0, -1 / 12.0, 1 / 6.0},
         {0, 0, 1}},
        {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
    };
    return m == 2 ? two : four;
}

// Row `row` of `matrix` times the vector whose element k is `element(k)`.
template <class Element>
Expr row_times(const Matrix& matrix, size_t row, const Element& element) {
    Expr sum;
    for (size_t k = 0; k < matrix[row].size(); ++k) {
        const double factor = matrix[row][k];
        if (factor == 0) continue;
        const Expr value = element(as_int(static_cast<int64_t>(k)));
        const Expr term = factor == 1 ? value : factor == -1 ? -value : static_cast<float>(factor) * value;
        sum = sum.defined() ? sum + term : term;
    }
    return sum;
}

// The whole product, its row chosen by `row`: a constant wherever loops over it are unrolled.
template <class Element>
Expr matrix_times(const Matrix& matrix, const Expr& row, const Element& element) {
    std::vector<Expr> rows;
    rows.reserve(matrix.size());
    for (size_t i = 0; i < matrix.size(); ++i) rows.push_back(row_times(matrix, i, element));
    return Halide::mux(row, rows);
}

// What a problem means for one m.
struct Patches {
    Patches(const ConvShape& shape, int64_t the_m)
        : m(the_m), size(m + 2), columns(ceil_div(shape.ow, m)), rows(ceil_div(shape.oh, m)) {}

    int64_t m, size;        // of a patch's output and of its input
    int64_t columns, rows;  // of patches
};

class Build {
  public:
    Build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions)
        : problem_(problem),
          shape_(conv_shape(problem)),
          patches_(shape_, schedule.number("m")),
          transforms_(transforms_of(patches_.m)),
          m_(as_int(patches_.m)),
          size_(as_int(patches_.size)),
          columns_(as_int(patches_.columns)),
          block_(as_int(schedule.number("block"))),
          lanes_(target.lanes(4)),
          panel_(lanes_ * as_int(schedule.number("vectors"))),
          tile_rows_(as_int(schedule.number("rows"))),
          unroll_(as_int(schedule.number("unroll"))),
          stages_(conditions.threads > 1 && schedule.choice("parallel") == kStages),
          blocks_parallel_(conditions.threads > 1 && !stages_) {}

    Pipeline pipeline() {
        define_input();
        define_products();
        define_output();
        schedule_output();
        schedule_products();
        schedule_input();
        return stages();
    }

  private:
    void define_input();
    void define_products();
    void define_output();
    void schedule_output();
    void schedule_products();
    void schedule_input();
    Pipeline stages();

    [[nodiscard]] int64_t padded_co() const { return round_up(shape_.co, panel_); }
    [[nodiscard]] int block_patches() const { return block_ * columns_; }
    [[nodiscard]] std::vector<int64_t> packed_extents() const {
        return {panel_, shape_.ci, patches_.size * patches_.size, padded_co() / panel_};
    }
    // Computed once for each block of patches, or once and shared out among the threads.
    void once_a_block(Func& stage, const Var& shared) {
        if (stages_)
            stage.compute_root().parallel(shared);
        else
            stage.compute_at(out_, block_level_);
    }

    const Problem& problem_;
    ConvShape shape_;
    Patches patches_;
    const Transforms& transforms_;
    int m_, size_, columns_, block_, lanes_, panel_, tile_rows_, unroll_;
    bool stages_, blocks_parallel_;

    Var c_{"c"}, o_{"o"}, x_{"x"}, y_{"y"}, n_{"n"}, i_{"i"}, j_{"j"}, a_{"a"}, patch_{"patch"};
    Var lane_{"lane"}, vector_{"vector"}, panel_var_{"panel"}, patch_tile_{"patch_tile"}, inside_{"inside"};
    Var px_{"px"}, py_{"py"}, in_x_{"in_x"}, in_y_{"in_y"}, block_var_{"block"}, task_{"task"}, place_{"place"};
    Var block_level_;
    Halide::RDom k_;
    Halide::ImageParam input_{Halide::Float(32), 4, "input"}, weight_{Halide::Float(32), 4, "weight"},
        packed_input_{Halide::Float(32), 4, "packed_weight"};
    Func padded_{"padded"}, rows_done_{"rows_done"}, patch_of_{"patch_of"}, packed_weight_{"packed_weight"};
    Func tile_{"tile"}, products_{"products"}, rows_back_{"rows_back"}, out_{"out"};
    EpilogueInputs epilogue_;
};

void Build::define_input() {
    const Expr column = x_ - as_int(shape_.pad_w), row = y_ - as_int(shape_.pad_h);
    const int last_column = as_int(shape_.w - 1), last_row = as_int(shape_.h - 1);
    padded_(c_, x_, y_, n_) =
        Halide::select(column >= 0 && column <= last_column && row >= 0 && row <= last_row,
                       input_(c_, Halide::clamp(column, 0, last_column), Halide::clamp(row, 0, last_row), n_), 0.0F);
    const Expr left = patch_ % columns_ * m_, top = patch_ / columns_ * m_;
    rows_done_(c_, i_, j_, patch_, n_) =
        matrix_times(transforms_.input, i_, [&](int k) { return padded_(c_, left + j_, top + k, n_); });
    patch_of_(c_, patch_, j_, i_, n_) =
        matrix_times(transforms_.input, j_, [&](int k) { return rows_done_(c_, i_, k, patch_, n_); });
}

void Build::define_products() {
    const Expr channel = Halide::min(panel_var_ * panel_ + inside_, as_int(shape_.co - 1));
    const Expr weight = matrix_times(transforms_.weight, place_ / size_, [&](int row) {
        return matrix_times(transforms_.weight, place_ % size_,
                            [&](int column) { return weight_(channel, c_, column, row); });
    });
    packed_weight_(inside_, c_, place_, panel_var_) =
        Halide::select(panel_var_ * panel_ + inside_ < as_int(shape_.co), weight, 0.0F);

    k_ = Halide::RDom(0, as_int(shape_.ci), "k");
    tile_(o_, patch_, j_, i_, n_) = 0.0F;
    tile_(o_, patch_, j_, i_, n_) +=
        patch_of_(k_.x, patch_, j_, i_, n_) * packed_input_(o_ % panel_, k_.x, i_ * size_ + j_, o_ / panel_);
    products_(o_, patch_, j_, i_, n_) = tile_(o_, patch_, j_, i_, n_);
}

void Build::define_output() {
    rows_back_(o_, a_, j_, patch_, n_) =
        matrix_times(transforms_.output, a_, [&](int k) { return products_(o_, patch_, j_, k, n_); });
    const Expr patch = y_ / m_ * columns_ + x_ / m_;
    const Expr result =
        matrix_times(transforms_.output, x_ % m_, [&](int k) { return rows_back_(o_, y_ % m_, k, patch, n_); });
    epilogue_ = epilogue_inputs(problem_, {shape_.co, shape_.ow, shape_.oh, shape_.n});
    out_(o_, x_, y_, n_) = apply_epilogue(problem_, epilogue_, result, {o_, x_, y_, n_});
}

void Build::schedule_output() {
    out_.bound(o_, 0, as_int(shape_.co))
        .bound(x_, 0, as_int(shape_.ow))
        .bound(y_, 0, as_int(shape_.oh))
        .bound(n_, 0, as_int(shape_.n))
        .split(o_, vector_, lane_, lanes_, tail(shape_.co, lanes_, TailStrategy::Predicate))
        .split(x_, px_, in_x_, m_, tail(shape_.ow, m_, TailStrategy::GuardWithIf))
        .split(y_, py_, in_y_, m_, tail(shape_.oh, m_, TailStrategy::GuardWithIf))
        .split(py_, block_var_, py_, block_, TailStrategy::RoundUp)
        .reorder({lane_, in_x_, in_y_, vector_, px_, py_, block_var_, n_})
        .vectorize(lane_)
        .unroll(in_x_)
        .unroll(in_y_)
        .never_partition_all();
    block_level_ = block_var_;
    if (blocks_parallel_ || stages_) {
        out_.fuse(block_var_, n_, task_).parallel(task_);
        block_level_ = task_;
    }
    rows_back_.compute_at(out_, vector_)
        .bound_extent(o_, lanes_)
        .bound_extent(a_, m_)
        .bound_extent(j_, size_)
        .bound_extent(patch_, 1)
        .bound_extent(n_, 1)
        .vectorize(o_)
        .unroll(a_)
        .unroll(j_);
}

void Build::schedule_products() {
    once_a_block(products_, i_);
    products_.bound_extent(o_, as_int(padded_co()))
        .bound_extent(patch_, stages_ ? as_int(patches_.columns * patches_.rows) : block_patches())
        .bound_extent(j_, size_)
        .bound_extent(i_, size_)
        .bound_extent(n_, stages_ ? as_int(shape_.n) : 1)
        .split(o_, panel_var_, o_, panel_, TailStrategy::RoundUp)
        .split(patch_, patch_, patch_tile_, tile_rows_, TailStrategy::ShiftInwards)
        .reorder({o_, patch_tile_, patch_, panel_var_, j_, i_, n_})
        .vectorize(o_, lanes_)
        .unroll(o_)
        .unroll(patch_tile_)
        .never_partition_all();
    tile_.compute_at(products_, patch_)
        .bound_extent(o_, panel_)
        .bound_extent(patch_, tile_rows_)
        .bound_extent(j_, 1)
        .bound_extent(i_, 1)
        .bound_extent(n_, 1)
        .vectorize(o_, lanes_)
        .unroll(o_)
        .unroll(patch_);
    tile_.update().reorder(o_, patch_, k_.x, j_, i_, n_).vectorize(o_, lanes_).unroll(o_).unroll(patch_);
    if (unroll_ > 1) tile_.update().unroll(k_.x, unroll_);
    packed_weight_.bound(inside_, 0, panel_)
        .bound(place_, 0, size_ * size_)
        .reorder(inside_, place_, c_, panel_var_)
        .vectorize(inside_, lanes_)
        .unroll(place_);
}

void Build::schedule_input() {
    once_a_block(patch_of_, patch_);
    patch_of_.bound_extent(c_, as_int(shape_.ci))
        .bound_extent(patch_, stages_ ? as_int(patches_.columns * patches_.rows) : block_patches())
        .bound_extent(j_, size_)
        .bound_extent(i_, size_)
        .bound_extent(n_, stages_ ? as_int(shape_.n) : 1)
        .split(c_, vector_, lane_, lanes_, TailStrategy::ShiftInwards)
        .reorder({lane_, j_, i_, vector_, patch_, n_})
        .vectorize(lane_)
        .unroll(j_)
        .unroll(i_)
        .never_partition_all();
    rows_done_.compute_at(patch_of_, vector_)
        .bound_extent(c_, lanes_)
        .bound_extent(i_, size_)
        .bound_extent(j_, size_)
        .bound_extent(patch_, 1)
        .bound_extent(n_, 1)
        .vectorize(c_)
        .unroll(i_)
        .unroll(j_);
    once_a_block(padded_, y_);
    padded_.bound_extent(c_, as_int(shape_.ci))
        .bound_extent(x_, columns_ * m_ + 2)
        .bound_extent(y_, (stages_ ? as_int(patches_.rows) : block_) * m_ + 2)
        .bound_extent(n_, stages_ ? as_int(shape_.n) : 1)
        .vectorize(c_, lanes_, TailStrategy::ShiftInwards);
}

Pipeline Build::stages() {
    const std::vector<int64_t> weight_extents{shape_.co, shape_.ci, 3, 3};
    Pipeline pipeline;
    pipeline.run.output = out_;
    pipeline.run.output_extents = {shape_.co, shape_.ow, shape_.oh, shape_.n};
    pipeline.run.inputs = {input_, packed_input_};
    pipeline.run.input_extents = {{shape_.ci, shape_.w, shape_.h, shape_.n}, packed_extents()};
    epilogue_.append_to(pipeline.run);
    pipeline.pack = Stage{packed_weight_, {weight_}, {weight_extents}, packed_extents()};
    return pipeline;
}

// Bytes of transformed patches and of their products, in one block.
int64_t block_bytes(const ConvShape& shape, const Patches& patches, int64_t block) {
    return patches.size * patches.size * patches.columns * block * (shape.ci + shape.co) * 4;
}

// Rows of patches in a block: divisors, so that blocks are equal; one row, all rows, and those that take at most twice
// the L2 cache.
std::vector<int64_t> blocks(const ConvShape& shape, const Patches& patches, const Target& target) {
    std::vector<int64_t> counts;
    for (int64_t count = 1; count <= patches.rows; ++count) {
        const bool fits =
            count == 1 || count == patches.rows || block_bytes(shape, patches, count) <= 2 * target.l2_bytes;
        if (patches.rows % count == 0 && fits) counts.push_back(count);
    }
    return counts;
}

bool applies(const Problem& problem, const Target& target) {
    const ConvShape s = conv_shape(problem);
    const bool small_kernel =
        s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 && s.dilation_w == 1;
    const Patches patches(s, 2);
    return problem.accuracy() == Accuracy::fast && problem.weights() == Weights::fixed && small_kernel &&
           s.groups == 1 && s.ci >= std::max<int64_t>(kLeastChannels, target.lanes(4)) &&
           s.co >= std::max<int64_t>(kLeastChannels, target.lanes(4)) && s.oh >= 2 && s.ow >= 2 &&
           s.n * block_bytes(s, patches, patches.rows) <= kMostWorkBytes;
}

Space space(const Problem& problem, const Target& target, const Conditions& conditions) {
    const ConvShape shape = conv_shape(problem);
    const auto patches = [shape](const Schedule& s) { return Patches(shape, s.number("m")); };
    std::vector<Decision> decisions;
    decisions.push_back({"m", [=](const Schedule&) { return values_of({2, 4}); }});
    decisions.push_back({"block", [=](const Schedule& s) { return values_of(blocks(shape, patches(s), target)); }});
    decisions.push_back(
        {"vectors", [=](const Schedule&) { return values_of(tile_vectors(shape.co, target.lanes(4))); }});
    decisions.push_back({"rows", [=](const Schedule& s) {
                             return values_of(
                                 tile_rows(s.number("block") * patches(s).columns, s.number("vectors"), target));
                         }});
    decisions.push_back({"unroll", [=](const Schedule& s) {
                             return values_of(unroll_factors(shape.ci, s.number("vectors") * s.number("rows")));
                         }});
    if (conditions.threads > 1)
        decisions.push_back({"parallel", [](const Schedule&) { return std::vector<Value>{kBlocks, kStages}; }});
    return {id(), decisions};
}

Schedule worked_out(const Problem& problem, const Target& target, const Conditions& conditions) {
    const ConvShape shape = conv_shape(problem);
    // Large patches where they waste little of the last row and column.
    const int64_t m = little_waste(shape.oh, 4) && little_waste(shape.ow, 4) ? 4 : 2;
    const Patches patches(shape, m);
    int64_t block = 1;
    for (const int64_t count : blocks(shape, patches, target))
        if (block_bytes(shape, patches, count) <= target.l2_bytes) block = count;
    const bool few_blocks = patches.rows / block * shape.n < conditions.threads;
    Schedule wish(id());
    wish.set("m", m).set("block", block).set("vectors", int64_t{2}).set("rows", int64_t{6}).set("unroll", int64_t{4});
    wish.set("parallel", few_blocks ? kStages : kBlocks);
    return *space(problem, target, conditions).repair(wish);
}

Pipeline build(const Problem& problem, const Schedule& schedule, const Target& target, const Conditions& conditions) {
    return Build(problem, schedule, target, conditions).pipeline();
}

}  // namespace

Template winograd_template() {
    return {id(),       "3 x 3 convolutions with fewer multiplications, under accuracy=fast",
            {"conv2d"}, applies,
            space,      worked_out,
            build};
}

}  // namespace tilesmith
