// A problem: an operator with its extents, element type, attributes and epilogue; one canonical text, the key
// everywhere. The grammar is written down in schedules/workloads/README.md. Which pairs an operator has is its
// ProblemSpec, so this file knows no operator by name.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tilesmith {

enum class DType { f32 };
std::string_view dtype_name(DType dtype);
int dtype_bytes(DType dtype);

// What is done to each output element after the operator itself, in order.
enum class EpilogueOp { bias, add, scale, relu, relu6, gelu, gelu_tanh, sigmoid, tanh, silu };
// The tensor an epilogue operation reads: none, one value a channel (the output's last axis), or one an output element.
enum class EpilogueTensor { none, per_channel, full };

struct EpilogueInfo {
    EpilogueOp op;
    std::string_view name;
    EpilogueTensor tensor;
    bool exact;    // exact on integer-valued data (so that results are compared for equality)
    double slope;  // of those that are not exact: the largest derivative, by which an error can grow
};
const std::vector<EpilogueInfo>& epilogue_table();
const EpilogueInfo& epilogue_info(EpilogueOp op);

enum class Weights { fresh, fixed };
enum class Accuracy { strict, fast };

class Problem {
  public:
    [[nodiscard]] const std::string& op() const { return op_; }
    // Any extent or attribute of the operator (per axis: "stride_h"), defaults filled in. Asking for a name the
    // operator does not have is a bug: throws run_failed.
    [[nodiscard]] int64_t operator[](std::string_view name) const;
    [[nodiscard]] DType dtype() const { return dtype_; }
    [[nodiscard]] Weights weights() const { return weights_; }
    [[nodiscard]] Accuracy accuracy() const { return accuracy_; }
    [[nodiscard]] const std::vector<EpilogueOp>& epilogue() const { return epilogue_; }
    // What is added to a variance or a mean square before its root is taken; 0 for operators that have none.
    [[nodiscard]] double eps() const { return eps_; }
    // Whether results are whole numbers for whole inputs, so that they are compared for equality.
    [[nodiscard]] bool exact() const;
    // The canonical text.
    [[nodiscard]] const std::string& text() const { return text_; }

    friend bool operator==(const Problem& a, const Problem& b) { return a.text_ == b.text_; }

  private:
    friend class ProblemParser;
    std::string op_;
    std::vector<std::pair<std::string, int64_t>> values_;
    DType dtype_ = DType::f32;
    Weights weights_ = Weights::fresh;
    Accuracy accuracy_ = Accuracy::strict;
    double eps_ = 0;
    bool exact_operator_ = true;
    std::vector<EpilogueOp> epilogue_;
    std::string text_;
};

// One whole-number pair of an operator, or several that one short name sets together ("stride" sets stride_h and
// stride_w).
struct PairSpec {
    std::string name;                           // what people write: "m", "stride"
    std::vector<std::string> axes = {};         // the names it sets; {name} for a plain pair
    std::optional<int64_t> default_value = {};  // absent: the pair is required
    int64_t least = 1;                          // the smallest allowed value
    int64_t most = INT32_MAX;
    bool always_written = false;  // written in the canonical text even where it equals its default
    // Ends that follow their beginning unless given: {"pad_h_end", "pad_h"}. Written only where they differ.
    std::vector<std::pair<std::string, std::string>> ends = {};
};

// Pairs that stand for all extents together: "shape=2x3 axes=1".
struct Shorthand {
    std::vector<std::string> names;  // either all are given or none
    // The extents that these values, in the order of the names, stand for. Throws bad_input.
    std::vector<std::pair<std::string, int64_t>> (*expand)(const std::vector<std::string>& values);
};

struct ProblemSpec {
    std::string op;
    std::vector<PairSpec> extents;     // written before dtype
    std::vector<PairSpec> attributes;  // written after it
    std::optional<Weights> weights;    // the default; absent: the operator has no weights to fix
    std::optional<double> eps = {};    // the default; absent: the operator has no such pair
    std::optional<Shorthand> shorthand = {};
    bool epilogue = false;  // whether an epilogue is allowed
    bool exact = true;      // whether whole inputs give whole results (before the epilogue)
    // Throws bad_input where the values contradict each other (kernel larger than the padded input, ...).
    std::function<void(const Problem&)> check;
};

// Parses `words` ("m=512", "k=64", ...) of the operator described by `spec`. Throws bad_input naming the pair and what
// is allowed.
Problem parse_problem(const ProblemSpec& spec, const std::vector<std::string>& words);

// "2x3x4" as numbers, each from `least` to `most`; `name` is the pair's. Throws bad_input.
std::vector<int64_t> parse_numbers(std::string_view name, std::string_view text, char separator, int64_t least,
                                   int64_t most);

}  // namespace tilesmith
