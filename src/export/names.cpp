// Names are derived from the canonical text alone, so an exported name never changes while the problem stays the same.
#include "export/names.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"
#include "schedules/operator.h"

namespace tilesmith {
namespace {

constexpr const char* kFamily = "tilesmith_";
constexpr size_t kLongestName = 64;

bool is_identifier(const std::string& name) {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto other = [](char c) { return (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && name.size() <= kLongestName && lower(name.front()) && name.back() != '_' &&
           std::all_of(name.begin(), name.end(), [&](char c) { return lower(c) || other(c); });
}

// What of a value can stand in an identifier: "bias,relu" gives "bias_relu", "1e-5" gives "1em5".
std::string identifier_part(const std::string& value) {
    std::string out;
    for (const char c : value) {
        if (c == ',')
            out += '_';
        else if (c == '-')
            out += 'm';
        else if (c == '.')
            out += 'p';
        else
            out += c;
    }
    return out;
}

bool is_extent(const ProblemSpec& spec, const std::string& pair) {
    return std::any_of(spec.extents.begin(), spec.extents.end(), [&](const PairSpec& extent) {
        return extent.name == pair || std::find(extent.axes.begin(), extent.axes.end(), pair) != extent.axes.end();
    });
}

std::string name_of(const Problem& problem, bool with_extents) {
    const ProblemSpec& spec = operator_of(problem).spec;
    std::istringstream words(problem.text());
    std::string word, extents, rest;
    words >> word;  // the operator
    while (words >> word) {
        const size_t equals = word.find('=');
        const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
        if (name == "dtype") continue;
        const bool numeric = !value.empty() && ((value[0] >= '0' && value[0] <= '9') || value[0] == '-');
        (is_extent(spec, name) ? extents : rest) += "_" + (numeric ? name : "") + identifier_part(value);
    }
    return problem.op() + "_" + std::string(dtype_name(problem.dtype())) + (with_extents ? extents : "") + rest;
}

}  // namespace

LibraryNames library_names(const std::string& library) {
    if (!is_identifier(library)) {
        throw bad_input("'" + library + "' cannot be the name of a library",
                        "use at most 64 lower-case letters, digits and underscores, beginning with a letter");
    }
    const std::string family = kFamily;
    const std::string own = library.starts_with(family) ? library.substr(family.size()) : library;
    const bool plain = own == "kernels";
    LibraryNames names{library, plain ? family : family + own + "_", family + own + "_rt_", library};
    std::transform(library.begin(), library.end(), names.macro.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return names;
}

std::string kernel_name(const Problem& problem) { return name_of(problem, true); }

std::string family_name(const Problem& problem) { return name_of(problem, false); }

std::vector<std::pair<std::string, int64_t>> extents_of(const Problem& problem) {
    std::vector<std::pair<std::string, int64_t>> out;
    for (const PairSpec& extent : operator_of(problem).spec.extents) {
        for (const std::string& axis : extent.axes) out.emplace_back(axis, problem[axis]);
    }
    return out;
}

}  // namespace tilesmith
