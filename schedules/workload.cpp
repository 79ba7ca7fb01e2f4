// Workload files: one problem a line, with how often a network uses it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "schedules/operator.h"

namespace tilesmith {

namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string trimmed(const std::string& text) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string::npos) return "";
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The 4 of "x4"; null where `word` has another form and is left to the problem's own parser.
std::optional<int64_t> weight_of(const std::string& word) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (word.size() < 2 || word[0] != 'x' || !std::all_of(word.begin() + 1, word.end(), is_digit)) return std::nullopt;
    int64_t weight = 0;
    const auto [end, status] = std::from_chars(word.data() + 1, word.data() + word.size(), weight);
    if (status != std::errc() || weight < 1 || weight > INT32_MAX)
        throw bad_input(fmt::format("the weight '{}' is not allowed", word),
                        fmt::format("use xN with N from 1 to {}", INT32_MAX));
    return weight;
}

WeightedProblem parse_line(std::string line) {
    int64_t weight = 1;
    const size_t gap = line.find_last_of(kBlanks);
    if (gap != std::string::npos) {
        if (const auto written = weight_of(line.substr(gap + 1))) {
            weight = *written;
            line = line.substr(0, gap);
        }
    }
    return {parse_problem(line), weight};
}

}  // namespace

std::vector<WeightedProblem> parse_workload(const std::string& content, const std::string& name) {
    if (content.find('\0') != std::string::npos)
        throw bad_input(fmt::format("{} is not a text file", name), "a workload has one problem a line");
    std::vector<WeightedProblem> problems;
    std::istringstream lines(content);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        line = trimmed(line.substr(0, line.find('#')));
        if (line.empty()) continue;
        try {
            problems.push_back(parse_line(line));
        } catch (const Error& error) {
            throw bad_input(fmt::format("{}, line {}: {}", name, number, error.what()), error.remedy());
        }
    }
    if (problems.empty())
        throw bad_input(fmt::format("{} has no problems", name), "write one problem a line: matmul m=512 n=512 k=512");
    return problems;
}

std::vector<WeightedProblem> read_workload(const std::string& path) {
    std::error_code status;
    const auto kind = std::filesystem::status(path, status).type();
    if (kind == std::filesystem::file_type::not_found)
        throw bad_input(fmt::format("the workload file '{}' does not exist", path),
                        "give the path of an existing file");
    if (kind == std::filesystem::file_type::directory)
        throw bad_input(fmt::format("'{}' is a folder", path), "give a workload file inside it");
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    if (file) content << file.rdbuf();
    if (!file || file.bad())
        throw bad_input(fmt::format("the workload file '{}' cannot be read", path), "check its permissions");
    return parse_workload(content.str(), path);
}

}  // namespace tilesmith
