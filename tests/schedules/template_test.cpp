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

TEST_CASE("templates: only outputs of several times the L2 cache may be stored past it", "[unit]") {
    const Target target = target_named("x86-64-sapphire-rapids");
    const auto offered = [&](const std::string& text) {
        const Problem problem = parse_problem(text);
        return default_schedule(problem, target, {}).find("store") != nullptr;
    };
    for (const std::string op : {"elementwise", "softmax", "layer_norm", "rms_norm"}) {
        CHECK(offered(op + " rows=1025 cols=2048"));
        CHECK_FALSE(offered(op + " rows=1024 cols=2048"));
    }
    CHECK(offered("transpose m=1025 n=2048"));
    CHECK_FALSE(offered("transpose m=1024 n=2048"));
    CHECK(offered("max_pool h=257 w=512 c=64 kh=1 kw=1 stride=2"));
    CHECK_FALSE(offered("max_pool h=512 w=256 c=64 kh=1 kw=1 stride=2"));
}

TEST_CASE("templates: an output far larger than the caches is stored past them unless measured otherwise", "[unit]") {
    const Target target = target_named("x86-64-sapphire-rapids");
    const auto worked_out = [&](const std::string& text) {
        return default_schedule(parse_problem(text), target, {}).choice("store");
    };
    CHECK(worked_out("elementwise rows=4096 cols=8192") == "stream");
    CHECK(worked_out("elementwise rows=1024 cols=8192") == "cached");
    CHECK(worked_out("softmax rows=8192 cols=4096") == "stream");
    CHECK(worked_out("softmax rows=8192 cols=4099") == "cached");
    CHECK(worked_out("transpose m=4096 n=4096") == "stream");
    CHECK(worked_out("transpose m=4095 n=4096") == "cached");
    CHECK(worked_out("transpose m=3 n=4194304") == "cached");
    CHECK(worked_out("transpose m=4096 n=64 c=64") == "stream");
}

}  // namespace
}  // namespace tilesmith
