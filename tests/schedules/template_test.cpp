// What the templates have in common.
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "codegen/host.h"
#include "core/error.h"
#include "schedules/operator.h"
#include "schedules/template.h"

namespace tilesmith {
namespace {

TEST_CASE("templates: the random problems of the operators reach every one", "[unit]") {
    constexpr uint64_t kDraws = 300;
    const Target target = target_named("x86-64-avx2");
    std::set<std::string> reached;
    for (const Operator& op : operators())
        for (uint64_t seed = 0; seed < kDraws; ++seed) {
            Rng rng(seed);
            try {
                for (const Template* t : templates_for(parse_problem(op.random(rng)), target))
                    reached.insert(t->id.name);
            } catch (const Error&) {
                continue;  // extents that contradict each other are drawn again
            }
        }
    for (const Template& t : templates()) {
        CAPTURE(t.id.name);
        CHECK(reached.contains(t.id.name));
    }
}

TEST_CASE("templates: winograd is for accuracy=fast alone", "[unit]") {
    const Target target = target_named("x86-64-avx2");
    const Template& winograd = *template_named({"winograd", 1});
    const std::string text = "conv2d h=56 w=56 ci=64 co=64 kh=3 kw=3 pad=1";
    CHECK(winograd.applies(parse_problem(text + " accuracy=fast"), target));
    CHECK_FALSE(winograd.applies(parse_problem(text), target));
    CHECK_FALSE(winograd.applies(parse_problem(text + " accuracy=strict"), target));
}

}  // namespace
}  // namespace tilesmith
