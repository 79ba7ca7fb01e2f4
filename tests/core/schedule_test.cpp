#include "core/schedule.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/error.h"

using namespace tilesmith;

namespace {

Schedule example() {
    Schedule schedule(TemplateId{"register_tile", 2});
    schedule.set("mr", int64_t{6}).set("order", "nm").set("pack", int64_t{0});
    return schedule;
}

}  // namespace

TEST_CASE("schedule: the text is compact JSON in decision order", "[unit]") {
    CHECK(example().text() == R"({"template":"register_tile","version":2,"mr":6,"order":"nm","pack":0})");
}

TEST_CASE("schedule: JSON leads back to the same schedule and hash", "[unit]") {
    const Schedule copy = Schedule::from_json(nlohmann::ordered_json::parse(example().text()));
    CHECK(copy == example());
    CHECK(copy.hash() == example().hash());
}

TEST_CASE("schedule: other values, names or versions give another hash", "[unit]") {
    const uint64_t hash = example().hash();
    CHECK(example().set("mr", int64_t{8}).hash() != hash);
    CHECK(example().set("order", "mn").hash() != hash);
    CHECK(Schedule(TemplateId{"register_tile", 1}).hash() != Schedule(TemplateId{"register_tile", 2}).hash());
}

TEST_CASE("schedule: values are found by name and kind", "[unit]") {
    const Schedule schedule = example();
    CHECK(schedule.number("mr") == 6);
    CHECK(schedule.choice("order") == "nm");
    CHECK_FALSE(schedule.flag("pack"));
    CHECK(schedule.find("nr") == nullptr);
    CHECK_THROWS_AS(schedule.number("nr"), Error);
    CHECK_THROWS_AS(schedule.number("order"), Error);
    CHECK_THROWS_AS(schedule.choice("mr"), Error);
}

TEST_CASE("schedule: forgetting later decisions keeps the earlier ones", "[unit]") {
    Schedule schedule = example();
    schedule.keep_first(9);
    CHECK(schedule == example());
    schedule.keep_first(1);
    REQUIRE(schedule.values().size() == 1);
    CHECK(schedule.number("mr") == 6);
}

TEST_CASE("schedule: JSON of another form is refused", "[unit]") {
    for (const char* text : {"[]", "{}", R"({"template": 3})", R"({"template": "t", "version": "new"})",
                             R"({"template": "t", "mr": 1.5})", R"({"template": "t", "mr": [1]})"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(Schedule::from_json(nlohmann::ordered_json::parse(text)), Error);
    }
}
