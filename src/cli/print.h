// How the command line writes numbers, tables and JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/conditions.h"
#include "core/problem.h"
#include "core/schedule.h"

namespace tilesmith {

// "1.25 ms", "310 ns".
std::string time_text(double ns);
// "90 s", "1 h 05 min".
std::string duration_text(double seconds);
// "32 KiB", "1.5 GiB".
std::string bytes_text(double bytes);
// A number with `digits` after the point.
std::string fixed_text(double value, int digits);

// What a schedule's times and code are of: the problem and the conditions, then its id and itself, a line each.
std::string subject_text(const Problem& problem, const Conditions& conditions, const Schedule& schedule);

// The document on stdout, and nothing else.
void print_json(const nlohmann::ordered_json& document);
// One object on a line of its own, written at once.
void print_json_line(const nlohmann::ordered_json& object);

// Columns as wide as their widest cell; the first row is the heading. Columns of numbers are aligned to
// the right.
void print_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace tilesmith
