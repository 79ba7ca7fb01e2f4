// The properties that every search leans on, over spaces with dependent domains and dead ends.
#include "core/space.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <set>

using namespace tilesmith;

namespace {

std::vector<Value> numbers(int64_t from, int64_t to) {
    std::vector<Value> values;
    for (int64_t i = from; i <= to; ++i) values.emplace_back(i);
    return values;
}

Decision independent(const std::string& name, const std::vector<Value>& values) {
    return {name, [values](const Schedule& /*earlier*/) { return values; }};
}

// a in 1..6, b in 1..a, order; and where a = 5 and b = 3 nothing goes on.
Space dependent_space() {
    return {TemplateId{"dependent", 3},
            {independent("a", numbers(1, 6)),
             {"b", [](const Schedule& earlier) { return numbers(1, earlier.number("a")); }},
             {"order", [](const Schedule& earlier) -> std::vector<Value> {
                  if (earlier.number("a") == 5 && earlier.number("b") == 3) return {};
                  return {std::string("mn"), std::string("nm")};
              }}}};
}

constexpr uint64_t kDependentCount = (1 + 2 + 3 + 4 + 5 + 6 - 1) * 2;

// Ten decisions of eight values: as large as real spaces are.
Space wide_space() {
    std::vector<Decision> decisions;
    for (int i = 0; i < 10; ++i) decisions.push_back(independent(fmt::format("tile_{}", i), numbers(1, 8)));
    return {TemplateId{"wide", 1}, decisions};
}

// Only one of 2^14 paths does not end in a dead end.
Space needle_space() {
    std::vector<Decision> decisions;
    for (int i = 0; i < 14; ++i) decisions.push_back(independent(fmt::format("bit_{}", i), numbers(0, 1)));
    decisions.push_back({"end", [](const Schedule& earlier) {
                             for (const auto& [name, value] : earlier.values())
                                 if (value != Value(int64_t{1})) return std::vector<Value>{};
                             return numbers(1, 1);
                         }});
    return {TemplateId{"needle", 1}, decisions};
}

Space empty_space() { return {TemplateId{"empty", 1}, {independent("a", numbers(1, 3)), independent("b", {})}}; }

int differences(const Schedule& a, const Schedule& b) {
    int count = 0;
    for (const auto& [name, value] : a.values())
        if (b.find(name) == nullptr || *b.find(name) != value) ++count;
    return count;
}

}  // namespace

TEST_CASE("space: samples are inside the space and reach all of it", "[unit]") {
    const Space space = dependent_space();
    Rng rng(1);
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) {
        const auto schedule = space.sample(rng);
        REQUIRE(schedule);
        REQUIRE_FALSE(space.why_not(*schedule));
        seen.insert(schedule->text());
    }
    CHECK(seen.size() == kDependentCount);
}

TEST_CASE("space: equal seeds give equal samples", "[unit]") {
    const Space space = wide_space();
    Rng a(9);
    Rng b(9);
    for (int i = 0; i < 50; ++i) CHECK(space.sample(a) == space.sample(b));
}

TEST_CASE("space: the one schedule among dead ends is found", "[unit]") {
    Rng rng(2);
    const auto schedule = needle_space().sample(rng);
    REQUIRE(schedule);
    CHECK(needle_space().contains(*schedule));
    CHECK(needle_space().count(10) == 1);
    CHECK_FALSE(needle_space().mutate(*schedule, rng));
}

TEST_CASE("space: a space without schedules gives none", "[unit]") {
    const Space space = empty_space();
    Rng rng(3);
    CHECK_FALSE(space.sample(rng));
    CHECK_FALSE(space.repair(Schedule(space.template_id())));
    CHECK_FALSE(space.mutate(Schedule(space.template_id()), rng));
    CHECK(space.count(100) == 0);
}

TEST_CASE("space: a space without decisions has one schedule", "[unit]") {
    const Space space(TemplateId{"plain", 1}, {});
    Rng rng(3);
    CHECK(space.count(100) == 1);
    CHECK(space.sample(rng) == Schedule(TemplateId{"plain", 1}));
    CHECK_FALSE(space.mutate(Schedule(TemplateId{"plain", 1}), rng));
}

TEST_CASE("space: enumeration visits every schedule once, in order, and count agrees", "[unit]") {
    const Space space = dependent_space();
    std::vector<Schedule> all;
    space.enumerate([&](const Schedule& schedule) {
        all.push_back(schedule);
        return true;
    });
    CHECK(all.size() == kDependentCount);
    CHECK(space.count(1'000'000) == kDependentCount);
    CHECK(space.count(7) == 7);
    CHECK(space.count(0) == 0);
    std::set<std::string> texts;
    for (const Schedule& schedule : all) {
        CHECK(space.contains(schedule));
        texts.insert(schedule.text());
    }
    CHECK(texts.size() == all.size());
    CHECK(all[0].text() == R"({"template":"dependent","version":3,"a":1,"b":1,"order":"mn"})");
    CHECK(all[1].choice("order") == "nm");
    CHECK(all[2].number("a") == 2);
}

TEST_CASE("space: enumeration stops when it is told to", "[unit]") {
    int visited = 0;
    wide_space().enumerate([&](const Schedule&) { return ++visited < 5; });
    CHECK(visited == 5);
}

TEST_CASE("space: mutants are inside the space and differ from their parent", "[unit]") {
    const Space space = dependent_space();
    Rng rng(4);
    for (int i = 0; i < 1000; ++i) {
        const auto parent = space.sample(rng);
        const auto child = space.mutate(*parent, rng);
        REQUIRE(child);
        CHECK(space.contains(*child));
        CHECK_FALSE(*child == *parent);
    }
}

TEST_CASE("space: a mutant of independent decisions differs in one of them, mostly by one step", "[unit]") {
    const Space space = wide_space();
    Rng rng(5);
    int steps_of_one = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto parent = space.sample(rng);
        const auto child = space.mutate(*parent, rng);
        REQUIRE(differences(*parent, *child) == 1);
        for (const auto& [name, value] : child->values())
            if (std::abs(std::get<int64_t>(value) - parent->number(name)) == 1) ++steps_of_one;
    }
    CHECK(steps_of_one > 700);
    CHECK(steps_of_one < 950);
}

TEST_CASE("space: children of two parents are inside the space and take after both", "[unit]") {
    const Space wide = wide_space();
    Rng rng(6);
    for (int i = 0; i < 200; ++i) {
        const auto mother = wide.sample(rng);
        const auto father = wide.sample(rng);
        const auto child = wide.cross(*mother, *father, rng);
        REQUIRE(child);
        for (const auto& [name, value] : child->values())
            CHECK((value == *mother->find(name) || value == *father->find(name)));
    }
    const Space space = dependent_space();
    for (int i = 0; i < 200; ++i) {
        const auto child = space.cross(*space.sample(rng), *space.sample(rng), rng);
        REQUIRE(child);
        CHECK(space.contains(*child));
    }
}

TEST_CASE("space: repair moves values to the nearest allowed one and fills in what is missing", "[unit]") {
    const Space space = dependent_space();
    Schedule wish(TemplateId{"older", 1});
    wish.set("a", int64_t{99}).set("extra", int64_t{1}).set("b", int64_t{4});
    const auto repaired = space.repair(wish);
    REQUIRE(repaired);
    CHECK(repaired->text() == R"({"template":"dependent","version":3,"a":6,"b":4,"order":"mn"})");

    Schedule dead_end(space.template_id());
    dead_end.set("a", int64_t{5}).set("b", int64_t{3}).set("order", "nm");
    CHECK(space.repair(dead_end)->text() == R"({"template":"dependent","version":3,"a":5,"b":2,"order":"nm"})");

    Schedule odd_kind(space.template_id());
    odd_kind.set("a", "many").set("b", int64_t{1}).set("order", int64_t{7});
    CHECK(space.contains(*space.repair(odd_kind)));
}

TEST_CASE("space: repair leaves a schedule of the space as it is", "[unit]") {
    const Space space = dependent_space();
    space.enumerate([&](const Schedule& schedule) {
        CHECK(space.repair(schedule) == schedule);
        return true;
    });
}

TEST_CASE("space: what is wrong with a schedule is said", "[unit]") {
    const Space space = dependent_space();
    const auto why = [&](const std::vector<std::pair<std::string, Value>>& values, TemplateId id = {"dependent", 3}) {
        Schedule schedule(std::move(id));
        for (const auto& [name, value] : values) schedule.set(name, value);
        return space.why_not(schedule).value_or("nothing");
    };
    using Catch::Matchers::Contains;
    const Value two(int64_t{2});
    const Value order(std::string("mn"));
    CHECK(why({{"a", two}, {"b", two}, {"order", order}}) == "nothing");
    CHECK_THAT(why({{"a", two}, {"b", two}, {"order", order}}, {"dependent", 2}), Contains("version 2"));
    CHECK_THAT(why({{"a", two}, {"order", order}}), Contains("'b' is missing"));
    CHECK_THAT(why({{"b", two}, {"a", two}, {"order", order}}), Contains("out of order"));
    CHECK_THAT(why({{"a", two}, {"b", Value(int64_t{3})}, {"order", order}}), Contains("b=3") && Contains("1, 2"));
    CHECK_THAT(why({{"a", two}, {"b", two}, {"order", order}, {"c", two}}), Contains("no decision 'c'"));
}
