#include "core/target.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

using namespace tilesmith;
using Catch::Matchers::Contains;

namespace {

nlohmann::ordered_json avx2_json() { return target_named("x86-64-avx2").to_json(); }

std::string complaint(const nlohmann::ordered_json& json) {
    try {
        static_cast<void>(Target::from_json(json, "my.json"));
        return "";
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        return std::string(error.what()) + " | " + error.remedy();
    }
}

bool has(const std::vector<std::string>& features, const std::string& name) {
    return std::find(features.begin(), features.end(), name) != features.end();
}

}  // namespace

TEST_CASE("target: the five shipped targets are there, from the least to the most capable", "[unit]") {
    std::vector<std::string> names;
    for (const Target& target : shipped_targets()) names.push_back(target.name);
    CHECK(names == std::vector<std::string>{"x86-64-sse4.1", "x86-64-avx2", "x86-64-avx512", "x86-64-zen4",
                                            "x86-64-sapphire-rapids"});
}

TEST_CASE("target: every shipped target is plausible and equals its own JSON", "[unit]") {
    int width = 0;
    for (const Target& target : shipped_targets()) {
        CAPTURE(target.name);
        CHECK(target_named(target.name).to_json() == target.to_json());
        CHECK(Target::from_json(target.to_json(), "again").to_json() == target.to_json());
        CHECK(target.vector_bits >= width);
        width = target.vector_bits;
        CHECK(target.lanes(4) == target.vector_bits / 32);
        CHECK(target.l1_bytes < target.l2_bytes);
        CHECK(target.l2_bytes < target.l3_bytes);
        CHECK_THAT(target.halide, Catch::Matchers::StartsWith("x86-64-linux-"));
        const std::set<std::string> unique(target.requires_features.begin(), target.requires_features.end());
        CHECK(unique.size() == target.requires_features.size());
        CHECK((target.vector_bits < 256 || has(target.requires_features, "fma")));
        CHECK((target.vector_bits < 512 || has(target.requires_features, "avx512f")));
    }
}

TEST_CASE("target: a host gets the most capable target that its features allow", "[unit]") {
    for (const Target& target : shipped_targets()) {
        const Target* nearest = nearest_target(target.requires_features);
        REQUIRE(nearest != nullptr);
        CHECK(nearest->name == target.name);
    }
    CHECK(nearest_target({"sse2"}) == nullptr);
    std::vector<std::string> features = target_named("x86-64-avx512").requires_features;
    features.emplace_back("some_new_feature");
    CHECK(nearest_target(features)->name == "x86-64-avx512");
    std::erase(features, "avx512dq");
    CHECK(nearest_target(features)->name == "x86-64-avx2");
}

TEST_CASE("target: missing features are named", "[unit]") {
    const Target target = target_named("x86-64-avx512");
    CHECK(missing_features(target, target.requires_features).empty());
    std::vector<std::string> features = target.requires_features;
    std::erase(features, "avx512bw");
    CHECK(missing_features(target, features) == std::vector<std::string>{"avx512bw"});
}

TEST_CASE("target: an unknown name is refused with the names there are", "[unit]") {
    try {
        static_cast<void>(target_named("z80"));
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        CHECK_THAT(error.what(), Contains("'z80'"));
        for (const Target& target : shipped_targets()) CHECK_THAT(error.remedy(), Contains(target.name));
    }
}

TEST_CASE("target: each missing field and any unknown field is refused by name", "[unit]") {
    CHECK(complaint(avx2_json()).empty());
    const nlohmann::ordered_json whole = avx2_json();
    for (const auto& item : whole.items()) {
        nlohmann::ordered_json json = avx2_json();
        json.erase(item.key());
        CHECK_THAT(complaint(json), Contains("my.json") && Contains("'" + item.key() + "'"));
        json = avx2_json();
        json[item.key()] = nullptr;
        CHECK_THAT(complaint(json), Contains("'" + item.key() + "'") && Contains("must be"));
    }
    nlohmann::ordered_json json = avx2_json();
    json["vector_bit"] = 256;
    CHECK_THAT(complaint(json), Contains("unknown field 'vector_bit'") && Contains("vector_bits"));
    CHECK_THAT(complaint(nlohmann::ordered_json::array()), Contains("not a JSON object"));
}

TEST_CASE("target: values that no machine has are refused", "[unit]") {
    const auto [field, value] = GENERATE(table<std::string, nlohmann::ordered_json>({
        {"vector_bits", 0},
        {"vector_bits", 200},
        {"vector_bits", -256},
        {"vector_registers", 0},
        {"vector_registers", 1.5},
        {"fma_per_cycle", "two"},
        {"l1_bytes", 3},
        {"l3_bytes", -1},
        {"l2_bytes", 18446744073709551615ULL},
        {"line_bytes", 0},
        {"halide", ""},
        {"requires_features", "avx2"},
    }));
    CAPTURE(field, value.dump());
    nlohmann::ordered_json json = avx2_json();
    json[field] = value;
    CHECK_THAT(complaint(json), Contains("'" + field + "'") && Contains("must be"));
}

TEST_CASE("target: a file is read by its path, and a bad one is named", "[unit]") {
    const std::string path = (std::filesystem::temp_directory_path() / "tilesmith_target_test.json").string();
    std::filesystem::remove(path);
    CHECK_THROWS_AS(target_named(path), Error);
    std::ofstream(path) << avx2_json().dump();
    CHECK(target_named(path).to_json() == avx2_json());
    std::ofstream(path) << "{ not json";
    try {
        static_cast<void>(target_named(path));
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        CHECK_THAT(error.what(), Contains(path) && Contains("not JSON"));
    }
    std::filesystem::remove(path);
}
