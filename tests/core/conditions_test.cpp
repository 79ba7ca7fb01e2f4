#include "core/conditions.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/hash.h"

using namespace tilesmith;

TEST_CASE("conditions: the text leads back to the conditions", "[unit]") {
    for (const int threads : {1, 2, 64})
        for (const Objective objective : {Objective::latency, Objective::throughput})
            for (const CacheState cache : {CacheState::warm, CacheState::cold_weights}) {
                const Conditions conditions{threads, objective, cache};
                CHECK(Conditions::parse(conditions.text()) == conditions);
            }
    CHECK(Conditions{}.text() == "threads=1");
    const Conditions copies = Conditions::parse("threads=1 objective=throughput copies=3");
    CHECK(copies.copies == 3);
    CHECK(copies.cores() == 3);
    CHECK(copies.text() == "threads=1 objective=throughput copies=3");
}

TEST_CASE("conditions: unknown words and impossible thread counts are refused", "[unit]") {
    for (const char* text :
         {"threads=0", "threads=-1", "threads=two", "threads=", "cores=2", "copies=0", "objective=power"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(Conditions::parse(text), Error);
    }
}

TEST_CASE("hash: the hash of a text never changes", "[unit]") {
    CHECK(hash_text(stable_hash("")) == "efd01f60ba992926");
    CHECK(hash_text(stable_hash("matmul m=512 n=512 k=512 dtype=f32")) == "6c50d97a12b1cec9");
    CHECK(hash_text(0xabc) == "0000000000000abc");
}
