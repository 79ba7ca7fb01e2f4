// How the budget of a run is shared among the problems of a file.
//
// A problem's share is the square root of weight x operations: what it costs the network, damped, because the hundredth
// trial of a big problem gains less than the tenth of a small one. Every problem gets at least one trial, its default,
// even where that exceeds the budget. What a problem leaves (its space is exhausted) goes to those after it, and what
// is left at the end to those that stopped for want of budget, in a second round.
#pragma once

#include <cstddef>
#include <vector>

#include "tuner/session.h"

namespace tilesmith {

double budget_share(double weight, double flops);

// The part of `left` that the first of `shares` gets, `shares` being those of the problems still to come: in
// proportion, at least one trial, and all of it for the last.
Budget part_of_budget(const Budget& left, const std::vector<double>& shares);

// `left` less what a session used. Seconds do not become negative, trials neither.
Budget budget_after(const Budget& left, size_t trials, double seconds);

// A further session ends with a final of its own, whose verdict replaces the first one's: with less time than this it
// would know less than what it replaces.
constexpr double kLeastSecondRound_s = 10;

// Whether a further session makes sense: trials are left and time for some and a final.
bool worth_spending(const Budget& left);

}  // namespace tilesmith
