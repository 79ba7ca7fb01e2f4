#include "codegen/host.h"

#include <catch2/catch.hpp>

using namespace tilesmith;

TEST_CASE("host: a processor has the name of its model number", "[unit]") {
    CHECK(processor_name("znver4", target_named("x86-64-zen4").requires_features) == "znver4");
    CHECK(processor_name("znver3", target_named("x86-64-avx2").requires_features) == "znver3");
    CHECK(processor_name("graniterapids", target_named("x86-64-sapphire-rapids").requires_features) == "graniterapids");
    CHECK(processor_name("generic", target_named("x86-64-avx2").requires_features) == "generic");
    CHECK(processor_name("core2", {"sse2", "sse3"}) == "core2");
}

TEST_CASE("host: a model number whose features do not suffice is not believed", "[unit]") {
    CHECK(processor_name("rocketlake", target_named("x86-64-sapphire-rapids").requires_features) == "sapphirerapids");
    CHECK(processor_name("nehalem", target_named("x86-64-avx2").requires_features) == "haswell");
}
