// Every schedule, in lexicographic order: certainty for small spaces, and recordings for replays.
#include "tuner/blind_search.h"
#include "tuner/searches.h"

namespace tilesmith {

std::unique_ptr<Search> exhaustive_search(SearchContext context) {
    return std::make_unique<BlindSearch>(std::move(context), &Candidates::next_in_order, "exhaustive");
}

}  // namespace tilesmith
