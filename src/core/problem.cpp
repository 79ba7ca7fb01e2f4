// Problems as text: one parser for every operator, driven by its ProblemSpec, and the canonical text that is the key of
// everything stored.
#include "core/problem.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"

namespace tilesmith {

namespace {

constexpr std::string_view kDtypes = "f32";

template <class Entry>
std::string names_of(const std::vector<Entry>& entries) {
    std::string out;
    for (const Entry& entry : entries) out += fmt::format("{}{}", out.empty() ? "" : ", ", entry.name);
    return out;
}

std::string allowed_numbers(int64_t least, int64_t most) {
    return least == 0 && most == 1 ? "use 0 or 1" : fmt::format("use a whole number from {} to {}", least, most);
}

int64_t parse_number(std::string_view name, std::string_view text, int64_t least, int64_t most) {
    int64_t number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string remedy = allowed_numbers(least, most);
    if (status == std::errc::invalid_argument || end != text.data() + text.size())
        throw bad_input(fmt::format("{}={} is not a whole number", name, text), remedy);
    if (status == std::errc::result_out_of_range)
        throw bad_input(fmt::format("{}={} is too {}", name, text, text.front() == '-' ? "small" : "large"), remedy);
    if (number < least) throw bad_input(fmt::format("{}={} is too small", name, text), remedy);
    if (number > most) throw bad_input(fmt::format("{}={} is too large", name, text), remedy);
    return number;
}

double parse_positive(std::string_view name, std::string_view text) {
    double number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc{} || end != text.data() + text.size() || !(number > 0) || number > 1)
        throw bad_input(fmt::format("{}={} is not a number above 0 and up to 1", name, text),
                        fmt::format("write for example {}=1e-5", name));
    return number;
}

std::vector<EpilogueOp> parse_epilogue(std::string_view text) {
    std::vector<EpilogueOp> ops;
    if (text == "none") return ops;
    const std::string allowed = fmt::format("epilogue=none, or a comma list of {}", names_of(epilogue_table()));
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const std::string_view name = text.substr(begin, end - begin);
        const auto& table = epilogue_table();
        const auto info = std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.name == name; });
        if (info == table.end())
            throw bad_input(fmt::format("unknown epilogue '{}' in epilogue={}", name, text), allowed);
        if (info->tensor != EpilogueTensor::none && std::find(ops.begin(), ops.end(), info->op) != ops.end())
            throw bad_input(fmt::format("'{}' appears twice in epilogue={}", name, text),
                            "each epilogue that reads a tensor may appear once");
        ops.push_back(info->op);
        begin = end + 1;
    }
    return ops;
}

// What was written, pair by pair; each pair is taken once.
class WrittenPairs {
  public:
    WrittenPairs(const std::string& op, const std::vector<std::string>& words,
                 const std::vector<std::string>& allowed) {
        for (const std::string& word : words) {
            const size_t equals = word.find('=');
            if (equals == std::string::npos || equals == 0)
                throw bad_input(fmt::format("'{}' is not a name=value pair of {}", word, op),
                                fmt::format("{} takes {}", op, fmt::join(allowed, ", ")));
            const std::string name = word.substr(0, equals);
            if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
                throw bad_input(fmt::format("{} has no pair '{}' (in '{}')", op, name, word),
                                fmt::format("{} takes {}", op, fmt::join(allowed, ", ")));
            add(name, word.substr(equals + 1));
        }
    }

    void add(const std::string& name, const std::string& value) {
        if (find(name) != nullptr)
            throw bad_input(fmt::format("'{}' is given twice: {}={} and {}={}", name, name, *find(name), name, value),
                            "give each pair once");
        pairs_.emplace_back(name, value);
    }

    [[nodiscard]] const std::string* find(std::string_view name) const {
        for (const auto& [key, value] : pairs_)
            if (key == name) return &value;
        return nullptr;
    }

  private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

std::vector<std::string> allowed_names(const ProblemSpec& spec) {
    std::vector<std::string> names;
    const auto add = [&names](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto* pairs : {&spec.extents, &spec.attributes}) {
        for (const PairSpec& pair : *pairs) {
            add(pair.name);
            for (const std::string& axis : pair.axes) add(axis);
            for (const auto& [end, begin] : pair.ends) add(end);
        }
        if (pairs == &spec.extents) add("dtype");
    }
    if (spec.shorthand)
        for (const std::string& name : spec.shorthand->names) add(name);
    if (spec.eps) add("eps");
    if (spec.weights) add("weights");
    add("accuracy");
    if (spec.epilogue) add("epilogue");
    return names;
}

}  // namespace

std::vector<int64_t> parse_numbers(std::string_view name, std::string_view text, char separator, int64_t least,
                                   int64_t most) {
    std::vector<int64_t> numbers;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(separator, begin), text.size());
        numbers.push_back(parse_number(name, text.substr(begin, end - begin), least, most));
        begin = end + 1;
    }
    return numbers;
}

std::string_view dtype_name(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return "f32";
    }
    return "unknown";
}

int dtype_bytes(DType dtype) {
    switch (dtype) {
        case DType::f32:
            return 4;
    }
    return 0;
}

const std::vector<EpilogueInfo>& epilogue_table() {
    static const std::vector<EpilogueInfo> kTable = {
        {EpilogueOp::bias, "bias", EpilogueTensor::per_channel, true, 1},
        {EpilogueOp::add, "add", EpilogueTensor::full, true, 1},
        {EpilogueOp::scale, "scale", EpilogueTensor::per_channel, true, 1},
        {EpilogueOp::relu, "relu", EpilogueTensor::none, true, 1},
        {EpilogueOp::relu6, "relu6", EpilogueTensor::none, true, 1},
        {EpilogueOp::gelu, "gelu", EpilogueTensor::none, false, 1.13},
        {EpilogueOp::gelu_tanh, "gelu_tanh", EpilogueTensor::none, false, 1.13},
        {EpilogueOp::sigmoid, "sigmoid", EpilogueTensor::none, false, 0.25},
        {EpilogueOp::tanh, "tanh", EpilogueTensor::none, false, 1},
        {EpilogueOp::silu, "silu", EpilogueTensor::none, false, 1.1},
    };
    return kTable;
}

const EpilogueInfo& epilogue_info(EpilogueOp op) {
    for (const EpilogueInfo& info : epilogue_table())
        if (info.op == op) return info;
    throw run_failed("an epilogue operation is missing from epilogue_table()");
}

int64_t Problem::operator[](std::string_view name) const {
    for (const auto& [key, value] : values_)
        if (key == name) return value;
    throw run_failed(fmt::format("the problem '{}' has no value '{}'", text_, name));
}

bool Problem::exact() const {
    return exact_operator_ && accuracy_ == Accuracy::strict &&
           std::all_of(epilogue_.begin(), epilogue_.end(), [](EpilogueOp op) { return epilogue_info(op).exact; });
}

// Builds one Problem from its pairs; the friend of Problem, whose members nobody else sets.
class ProblemParser {
  public:
    ProblemParser(const ProblemSpec& spec, const std::vector<std::string>& words)
        : spec_(spec), written_(spec.op, words, allowed_names(spec)) {
        problem_.op_ = spec.op;
        problem_.exact_operator_ = spec.exact;
    }

    Problem parse() {
        if (spec_.shorthand) expand(*spec_.shorthand);
        for (const PairSpec& pair : spec_.extents) read(pair);
        for (const PairSpec& pair : spec_.attributes) read(pair);
        read_names();
        write();
        if (spec_.check) spec_.check(problem_);
        return std::move(problem_);
    }

  private:
    // Adds the pairs that the shorthand stands for.
    void expand(const Shorthand& shorthand) {
        std::vector<std::string> values;
        std::string missing;
        for (const std::string& name : shorthand.names) {
            const std::string* value = written_.find(name);
            if (value == nullptr)
                missing = name;
            else
                values.push_back(*value);
        }
        if (values.empty()) return;
        if (!missing.empty())
            throw bad_input(fmt::format("{} needs '{}' too", spec_.op, missing),
                            fmt::format("give {} together", fmt::join(shorthand.names, " and ")));
        for (const auto& [name, extent] : shorthand.expand(values)) written_.add(name, std::to_string(extent));
    }

    // The more particular name wins whatever the order: pad_h_end, then pad_h, then pad, then the default.
    void read(const PairSpec& pair) {
        const std::string* common = written_.find(pair.name);
        std::optional<int64_t> fallback = pair.default_value;
        if (common != nullptr) fallback = parse_number(pair.name, *common, pair.least, pair.most);
        for (const std::string& axis : pair.axes) {
            const std::string* own = written_.find(axis);
            if (own == nullptr && !fallback)
                throw bad_input(fmt::format("{} needs '{}'", spec_.op, axis),
                                fmt::format("add {}=N, a whole number from {} to {}", axis, pair.least, pair.most));
            problem_.values_.emplace_back(axis,
                                          own != nullptr ? parse_number(axis, *own, pair.least, pair.most) : *fallback);
        }
        for (const auto& [end, begin] : pair.ends) {
            const std::string* own = written_.find(end);
            const int64_t value = own != nullptr ? parse_number(end, *own, pair.least, pair.most) : problem_[begin];
            problem_.values_.emplace_back(end, value);
        }
    }

    void read_names() {
        if (const std::string* dtype = written_.find("dtype"); dtype != nullptr && *dtype != kDtypes)
            throw bad_input(fmt::format("unknown dtype '{}'", *dtype), fmt::format("dtype is {}", kDtypes));
        problem_.eps_ = spec_.eps.value_or(0);
        if (const std::string* eps = written_.find("eps")) problem_.eps_ = parse_positive("eps", *eps);
        problem_.weights_ = spec_.weights.value_or(Weights::fresh);
        if (const std::string* weights = written_.find("weights")) {
            if (*weights != "fresh" && *weights != "fixed")
                throw bad_input(fmt::format("unknown weights '{}'", *weights), "weights is fresh or fixed");
            problem_.weights_ = *weights == "fixed" ? Weights::fixed : Weights::fresh;
        }
        if (const std::string* accuracy = written_.find("accuracy")) {
            if (*accuracy != "strict" && *accuracy != "fast")
                throw bad_input(fmt::format("unknown accuracy '{}'", *accuracy), "accuracy is strict or fast");
            problem_.accuracy_ = *accuracy == "fast" ? Accuracy::fast : Accuracy::strict;
        }
        if (const std::string* epilogue = written_.find("epilogue")) problem_.epilogue_ = parse_epilogue(*epilogue);
    }

    // The canonical text.
    void write() {
        problem_.text_ = problem_.op_;
        for (const PairSpec& pair : spec_.extents) write(pair);
        problem_.text_ += fmt::format(" dtype={}", dtype_name(problem_.dtype_));
        for (const PairSpec& pair : spec_.attributes) write(pair);
        if (spec_.eps && problem_.eps_ != *spec_.eps) problem_.text_ += fmt::format(" eps={}", problem_.eps_);
        if (spec_.weights && problem_.weights_ != *spec_.weights)
            problem_.text_ += problem_.weights_ == Weights::fixed ? " weights=fixed" : " weights=fresh";
        if (problem_.accuracy_ == Accuracy::fast) problem_.text_ += " accuracy=fast";
        std::string list;
        for (const EpilogueOp op : problem_.epilogue_)
            list += fmt::format("{}{}", list.empty() ? "" : ",", epilogue_info(op).name);
        if (!list.empty()) problem_.text_ += " epilogue=" + list;
    }

    void write(const PairSpec& pair) {
        const int64_t first = problem_[pair.axes.front()];
        const bool same = std::all_of(pair.axes.begin(), pair.axes.end(),
                                      [&](const std::string& axis) { return problem_[axis] == first; });
        if (same) {
            write(pair, pair.name, first);
        } else {
            for (const std::string& axis : pair.axes) write(pair, axis, problem_[axis]);
        }
        for (const auto& [end, begin] : pair.ends)
            if (problem_[end] != problem_[begin]) problem_.text_ += fmt::format(" {}={}", end, problem_[end]);
    }

    void write(const PairSpec& pair, const std::string& name, int64_t value) {
        if (pair.always_written || value != pair.default_value) problem_.text_ += fmt::format(" {}={}", name, value);
    }

    const ProblemSpec& spec_;
    WrittenPairs written_;
    Problem problem_;
};

Problem parse_problem(const ProblemSpec& spec, const std::vector<std::string>& words) {
    return ProblemParser(spec, words).parse();
}

}  // namespace tilesmith
