#include "export/staging.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/error.h"
#include "fixture.h"

using namespace tilesmith;
using test::TemporaryFolder;

namespace {

constexpr const char* kManifest = R"({"library": "x", "manifest_version": 1})";

int status_of(const std::string& output) {
    try {
        const Staging staging(output);
        return 0;
    } catch (const Error& error) {
        return error.exit_status();
    }
}

}  // namespace

TEST_CASE("staging: nothing appears before commit, and everything after it", "[unit]") {
    const TemporaryFolder folder;
    const std::string output = folder.path("dist");
    {
        Staging staging(output);
        staging.write("lib/a", "1");
        CHECK_FALSE(std::filesystem::exists(output));
        staging.commit();
    }
    CHECK(test::read_file(output + "/lib/a") == "1");
    CHECK(folder.items() == 1);
}

TEST_CASE("staging: without commit nothing is left", "[unit]") {
    const TemporaryFolder folder;
    { Staging(folder.path("dist/")).write("a", "1"); }
    CHECK(folder.items() == 0);
}

TEST_CASE("staging: an earlier export and an empty folder are replaced, anything else is refused", "[unit]") {
    const TemporaryFolder folder;
    test::write_file(folder.path("old/manifest.json"), kManifest);
    test::write_file(folder.path("old/stale"), "");
    std::filesystem::create_directory(folder.path("empty"));
    for (const char* name : {"old", "empty"}) {
        Staging staging(folder.path(name));
        staging.write("new", "1");
        staging.commit();
        CHECK(test::read_file(folder.path(name) + "/new") == "1");
    }
    CHECK_FALSE(std::filesystem::exists(folder.path("old/stale")));

    test::write_file(folder.path("precious/thesis.txt"), "x");
    test::write_file(folder.path("file"), "x");
    CHECK(status_of(folder.path("precious")) == 2);
    CHECK(status_of(folder.path("file")) == 2);
    CHECK(folder.items() == 4);
}

TEST_CASE("staging: a parent that is missing or unwritable is bad input", "[unit]") {
    const TemporaryFolder folder;
    CHECK(status_of("") == 2);
    CHECK(status_of(folder.path("missing/dist")) == 2);
    test::write_file(folder.path("file"), "x");
    CHECK(status_of(folder.path("file/dist")) == 2);
    CHECK(status_of("/proc/dist") == 2);
    if (geteuid() != 0) {  // root may write anywhere
        std::filesystem::create_directory(folder.path("closed"));
        chmod(folder.path("closed").c_str(), 0500);
        CHECK(status_of(folder.path("closed/dist")) == 2);
    }
}
