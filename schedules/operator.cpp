// The table of operators and what all of them share: look-up by name, problems as one line of text, limits on sizes.
#include "schedules/operator.h"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

#include "core/error.h"
#include "schedules/operator_rows.h"

namespace tilesmith {

namespace {

std::string shape_text(const std::vector<int64_t>& shape) {
    std::string text;
    for (const int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "" : ",", extent);
    return "[" + text + "]";
}

// Halide's buffers hold less than 2^31 bytes, and measuring needs all tensors in memory at once.
void check_sizes(const Problem& problem, const std::vector<Argument>& arguments) {
    constexpr double kMostTensorBytes = 0x1p31;
    static const double memory_bytes =
        static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
    double total_bytes = 0;
    for (const Argument& argument : arguments) {
        double bytes = dtype_bytes(argument.dtype);  // a double: the product of four extents overflows 64 bits
        for (const int64_t extent : argument.shape) bytes *= static_cast<double>(extent);
        if (bytes >= kMostTensorBytes)
            throw bad_input(fmt::format("the tensor {}{} of '{}' has {:.0f} bytes", argument.name,
                                        shape_text(argument.shape), problem.text(), bytes),
                            "each tensor must stay below 2^31 bytes (2147483648): make an extent smaller");
        total_bytes += bytes;
    }
    if (total_bytes >= memory_bytes)
        throw bad_input(fmt::format("the tensors of '{}' need {:.0f} bytes together", problem.text(), total_bytes),
                        fmt::format("this machine has {:.0f} bytes of memory: make an extent smaller", memory_bytes));
}

}  // namespace

int64_t Argument::elements() const {
    int64_t product = 1;
    for (const int64_t extent : shape) product *= extent;
    return product;
}

std::optional<size_t> only_epilogue_tensor(const std::vector<Argument>& arguments,
                                           const std::vector<size_t>& positions) {
    std::optional<size_t> only;
    for (const size_t position : positions) {
        if (arguments[position].role != Role::epilogue) continue;
        if (only) return std::nullopt;
        only = position;
    }
    return only;
}

const std::vector<Operator>& operators() {
    // clang-format off
    static const std::vector<Operator> kTable = {
        matmul_operator(),
        conv2d_operator(),
        conv1d_operator(),
        capsule_conv2d_operator(),
        conv3d_operator(),
        conv2d_transposed_operator(),
        max_pool_operator(),
        avg_pool_operator(),
        softmax_operator(),
        layer_norm_operator(),
        rms_norm_operator(),
        norm_operator(),
        reduce_sum_operator(),
        reduce_max_operator(),
        reduce_mean_operator(),
        elementwise_operator(),
        transpose_operator(),
    };
    // clang-format on
    return kTable;
}

const Operator& operator_named(const std::string& name) {
    std::string names;
    for (const Operator& op : operators()) {
        if (op.name == name) return op;
        names += fmt::format("{}{}", names.empty() ? "" : ", ", op.name);
    }
    throw bad_input(fmt::format("unknown operator '{}'", name), fmt::format("operators are {}", names));
}

void append_epilogue_and_output(const Problem& problem, const Argument& output, std::vector<Argument>& arguments,
                                int channel_axes) {
    for (const EpilogueOp op : problem.epilogue()) {
        const EpilogueInfo& info = epilogue_info(op);
        if (info.tensor == EpilogueTensor::none) continue;
        std::vector<int64_t> shape = output.shape;
        if (info.tensor == EpilogueTensor::per_channel) shape = {output.shape.end() - channel_axes, output.shape.end()};
        arguments.push_back({std::string(info.name), Role::epilogue, output.dtype, shape});
    }
    arguments.push_back(output);
}

double compulsory_bytes(const Problem& problem) {
    double bytes = 0;
    for (const Argument& argument : operator_of(problem).arguments(problem))
        bytes += static_cast<double>(argument.bytes());
    return bytes;
}

Problem parse_problem(const std::string& text) {
    std::istringstream stream(text);
    std::string name;
    if (!(stream >> name))
        throw bad_input("the problem is empty", "write an operator and its extents: matmul m=512 n=512 k=512");
    const Operator& op = operator_named(name);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    Problem problem = parse_problem(op.spec, words);
    check_sizes(problem, op.arguments(problem));
    return problem;
}

}  // namespace tilesmith
