// The searches of the table in search.cpp.
#pragma once

#include <memory>

#include "tuner/search.h"

namespace tilesmith {

std::unique_ptr<Search> model_search(SearchContext context);
std::unique_ptr<Search> evolutionary_search(SearchContext context);
std::unique_ptr<Search> random_search(SearchContext context);
std::unique_ptr<Search> exhaustive_search(SearchContext context);

}  // namespace tilesmith
