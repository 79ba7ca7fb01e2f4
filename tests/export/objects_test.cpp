#include "export/objects.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "fixture.h"

using namespace tilesmith;

namespace {

constexpr const char* kAddOne =
    "declare i32 @outer(i32)\n"
    "define i32 @own(i32 %x) {\n  %y = call i32 @outer(i32 %x)\n  %z = add i32 %y, 1\n  ret i32 %z\n}\n";

}  // namespace

TEST_CASE("objects: symbols are renamed, wherever they are defined", "[unit]") {
    const std::string object = compile_ir(kAddOne);
    const SymbolTable before = symbols_of(object);
    CHECK(before.defined == std::set<std::string>{"own"});
    CHECK(before.undefined == std::set<std::string>{"outer"});
    const SymbolTable after = symbols_of(rename_symbols(object, {{"own", "mine"}, {"outer", "theirs"}}, {}));
    CHECK(after.defined == std::set<std::string>{"mine"});
    CHECK(after.undefined == std::set<std::string>{"theirs"});
}

TEST_CASE("objects: the hash of the code depends on the code and not on names", "[unit]") {
    const std::string object = compile_ir(kAddOne);
    const Code code = code_of(object);
    CHECK(code.bytes > 0);
    CHECK(code.hash == code_of(rename_symbols(object, {{"own", "a_much_longer_name"}}, {})).hash);
    CHECK(code.hash != code_of(compile_ir("define i32 @own(i32 %x) {\n  ret i32 7\n}\n")).hash);
}

TEST_CASE("objects: the same members give the same archive", "[unit]") {
    const std::vector<ArchiveMember> members = {{"one.o", compile_ir(kAddOne)}};
    CHECK(make_archive(members) == make_archive(members));
}

TEST_CASE("objects: malformed text and malformed objects are errors", "[unit]") {
    CHECK_THROWS_AS(compile_ir("define nonsense"), Error);
    CHECK_THROWS_AS(symbols_of("no object"), Error);
    CHECK_THROWS_AS(code_of(""), Error);
}

TEST_CASE("objects: a library that needs more than the C library does not link", "[unit]") {
    const test::TemporaryFolder folder;
    test::write_file(folder.path("a.a"), make_archive({{"a.o", compile_ir(kAddOne)}}));
    CHECK_THROWS_WITH(link_shared(folder.path("a.a"), "a.so", folder.path("a.so")), Catch::Contains("outer"));
    const std::string fine =
        "declare double @cos(double)\ndeclare i32 @puts(ptr)\n"
        "define double @f(double %x) {\n  %y = call double @cos(double %x)\n  ret double %y\n}\n";
    test::write_file(folder.path("b.a"), make_archive({{"b.o", compile_ir(fine)}}));
    link_shared(folder.path("b.a"), "b.so", folder.path("b.so"));
    CHECK(std::filesystem::exists(folder.path("b.so")));
}
