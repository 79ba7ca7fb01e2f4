#include "core/child.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "core/error.h"

using namespace tilesmith;

TEST_CASE("child: what a program prints and how it exits is returned", "[unit]") {
    const ChildResult child = run_child({"sh", "-c", "printf 'a\\0b'; exit 7"}, 10);
    CHECK(child.output == std::string("a\0b", 3));
    CHECK(child.exit_status == 7);
    CHECK(child.signal == 0);
    CHECK_FALSE(child.timed_out);
}

TEST_CASE("child: a program that a signal ends has no exit status", "[unit]") {
    const ChildResult child = run_child({"sh", "-c", "kill -SEGV $$"}, 10);
    CHECK(child.signal == SIGSEGV);
    CHECK(child.exit_status == -1);
    CHECK_FALSE(child.timed_out);
}

TEST_CASE("child: a program that takes too long is killed, and what it printed is kept", "[unit]") {
    const auto start = std::chrono::steady_clock::now();
    const ChildResult child = run_child({"sh", "-c", "echo early; exec sleep 60"}, 0.3);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    CHECK(child.timed_out);
    CHECK(child.output == "early\n");
    CHECK(child.signal == SIGKILL);
}

TEST_CASE("child: a program that is missing is an error that names it", "[unit]") {
    CHECK_THROWS_WITH(run_child({"/nowhere/program"}, 1), Catch::Matchers::Contains("/nowhere/program"));
    CHECK_THROWS_WITH(own_program("tilesmith-nothing"), Catch::Matchers::Contains("tilesmith-nothing"));
}
