// The yardstick: every decision at random. Half of what a clever search finds, random search finds too.
#include "tuner/blind_search.h"
#include "tuner/searches.h"

namespace tilesmith {

std::unique_ptr<Search> random_search(SearchContext context) {
    return std::make_unique<BlindSearch>(std::move(context), &Candidates::random, "random");
}

}  // namespace tilesmith
