#include "tuner/search.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/error.h"
#include "tests/tuner/toy.h"

using namespace tilesmith;

namespace {

bool inside(const SearchContext& context, const Schedule& schedule) {
    return std::any_of(context.spaces.begin(), context.spaces.end(),
                       [&](const Space& space) { return space.contains(schedule); });
}

uint64_t size_of(const SearchContext& context) {
    uint64_t size = 0;
    for (const Space& space : context.spaces) size += space.count(100'000);
    return size;
}

// Asks for 1, 2, 3, ... and answers by the formula; every seventh fails.
std::vector<Schedule> everything(const SearchInfo& info, const SearchContext& context, size_t most) {
    const auto search = info.create(context);
    std::vector<Schedule> result;
    for (size_t count = 1; result.size() < most; count = count % 5 + 1) {
        const auto proposals = search->propose(std::min(count, most - result.size()));
        if (proposals.empty()) break;
        CHECK(proposals.size() <= count);
        std::vector<Trial> trials;
        for (const Proposal& proposal : proposals) {
            CHECK_FALSE(proposal.origin.empty());
            result.push_back(proposal.schedule);
            trials.push_back(toy::trial(proposal.schedule, result.size() % 7 == 0
                                                               ? Outcome::failed(Status::crashed, "signal 11")
                                                               : toy::timed(toy::cost_ns(proposal.schedule))));
        }
        search->observe(trials);
    }
    return result;
}

}  // namespace

TEST_CASE("every search proposes each schedule once, none outside the spaces, and ends when all were proposed",
          "[unit]") {
    for (const SearchInfo& info : searches()) {
        INFO(info.name);
        SearchContext context = toy::context(7);
        context.history.push_back(toy::trial(toy::tiled(1, 1, "nm", 16), toy::timed(5000)));
        const auto proposed = everything(info, context, 100'000);
        std::set<std::string> texts;
        for (const Schedule& schedule : proposed) {
            CHECK(inside(context, schedule));
            texts.insert(schedule.text());
        }
        CHECK(texts.size() == proposed.size());
        CHECK(texts.count(context.default_schedule.text()) == 0);
        CHECK(texts.count(context.history.front().schedule.text()) == 0);
        CHECK(proposed.size() == size_of(context) - 2);
    }
}

TEST_CASE("every search repeats itself with the same seed", "[unit]") {
    for (const SearchInfo& info : searches()) {
        INFO(info.name);
        CHECK(everything(info, toy::context(3), 120) == everything(info, toy::context(3), 120));
    }
}

TEST_CASE("every search but the exhaustive one differs with another seed", "[unit]") {
    for (const SearchInfo& info : searches()) {
        INFO(info.name);
        const bool differs = everything(info, toy::context(3), 60) != everything(info, toy::context(4), 60);
        CHECK(differs == (info.name != "exhaustive"));
    }
}

TEST_CASE("every search proposes only from the pool where there is one, and all of it", "[unit]") {
    for (const SearchInfo& info : searches()) {
        INFO(info.name);
        SearchContext context = toy::context(5);
        Rng rng(9);
        std::set<std::string> pool{context.default_schedule.text()};
        context.pool = {context.default_schedule};
        while (context.pool.size() < 80) {
            const auto schedule = context.spaces[0].sample(rng);
            if (pool.insert(schedule->text()).second) context.pool.push_back(*schedule);
        }
        context.spaces.clear();
        const auto proposed = everything(info, context, 1000);
        CHECK(proposed.size() == 79);
        for (const Schedule& schedule : proposed) CHECK(pool.count(schedule.text()) == 1);
    }
}

TEST_CASE("every search copes with a space without schedules and with features that fail", "[unit]") {
    for (const SearchInfo& info : searches()) {
        INFO(info.name);
        SearchContext empty = toy::context(5);
        empty.spaces = {Space({"dead", 1}, {{"x", [](const Schedule&) { return std::vector<Value>{}; }}})};
        CHECK(info.create(empty)->propose(4).empty());

        SearchContext broken = toy::context(5);
        broken.features = [](const TrialKey&, const Schedule&) -> std::vector<float> {
            throw run_failed("no features");
        };
        CHECK(everything(info, broken, 60).size() == 60);
    }
}

TEST_CASE("the model and the evolutionary search begin with the winner of a near problem", "[unit]") {
    for (const char* name : {"model", "evolutionary"}) {
        INFO(name);
        SearchContext context = toy::context(5);
        const Schedule winner = toy::tiled(6, 4, "mn", 256);
        context.history.push_back(toy::trial(winner, toy::timed(900), toy::key("toy n=500")));
        context.history.push_back(toy::trial(toy::tiled(1, 1, "mn", 256), toy::timed(9000), toy::key("toy n=500")));
        const auto proposals = search_named(name).create(context)->propose(1);
        REQUIRE(proposals.size() == 1);
        CHECK(proposals[0].schedule == winner);
        CHECK(proposals[0].origin == "seed");
    }
}

TEST_CASE("an unknown search is bad input that lists the searches", "[unit]") {
    try {
        search_named("psychic");
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        for (const SearchInfo& info : searches()) CHECK(error.remedy().find(info.name) != std::string::npos);
    }
}
