#include "cli/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <iostream>

#include "core/hash.h"

namespace tilesmith {

namespace {

// Three significant digits.
std::string scaled(double value, const char* unit) {
    const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f} {}", value, digits, unit);
}

bool is_number(const std::string& cell) {
    return !cell.empty() && (std::isdigit(static_cast<unsigned char>(cell[0])) != 0 || cell[0] == '-');
}

}  // namespace

std::string time_text(double ns) {
    if (ns < 1e3) return scaled(ns, "ns");
    if (ns < 1e6) return scaled(ns / 1e3, "us");
    if (ns < 1e9) return scaled(ns / 1e6, "ms");
    return scaled(ns / 1e9, "s");
}

std::string duration_text(double seconds) {
    const auto whole = static_cast<long>(std::lround(std::max(seconds, 0.0)));
    if (whole < 120) return fmt::format("{} s", whole);
    if (whole < 7200) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string bytes_text(double bytes) {
    constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < kUnits.size()) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}f} {}", bytes, bytes == std::floor(bytes) ? 0 : 1, kUnits[unit]);
}

std::string fixed_text(double value, int digits) { return fmt::format("{:.{}f}", value, digits); }

std::string subject_text(const Problem& problem, const Conditions& conditions, const Schedule& schedule) {
    return fmt::format("{}, {}\n{} {}\n", problem.text(), conditions.text(), hash_text(schedule.hash()),
                       schedule.text());
}

void print_json(const nlohmann::ordered_json& document) { std::cout << document.dump(2) << std::endl; }

void print_json_line(const nlohmann::ordered_json& object) { std::cout << object.dump() << std::endl; }

void print_table(const std::vector<std::vector<std::string>>& rows) {
    struct Column {
        size_t width = 0;
        bool numbers = true;  // below the heading
    };
    std::vector<Column> columns;
    for (const auto& row : rows) {
        columns.resize(std::max(columns.size(), row.size()));
        for (size_t i = 0; i < row.size(); ++i) {
            columns[i].width = std::max(columns[i].width, row[i].size());
            columns[i].numbers = columns[i].numbers && (&row == &rows.front() || is_number(row[i]));
        }
    }
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
            line += columns[i].numbers ? fmt::format("{:>{}}", row[i], columns[i].width)
                                       : fmt::format("{:<{}}", row[i], columns[i].width);
            if (i + 1 < row.size()) line += "  ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        std::cout << line << "\n";
    }
    std::cout.flush();
}

}  // namespace tilesmith
