// Wrong kernels must not leave the export. Each is real code that reaches the real check through the request's
// compiler.
#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "core/error.h"
#include "export/export.h"
#include "export/objects.h"
#include "fixture.h"
#include "schedules/operator.h"

using namespace tilesmith;
using test::request_for;
using test::TemporaryFolder;

namespace {

// A request whose only kernel, a matmul, does what `body` says (LLVM IR; %c is the output, %added what an epilogue
// adds).
ExportRequest request_with_body(const TemporaryFolder& folder, const std::string& body,
                                const std::string& epilogue = "") {
    ExportRequest request = request_for({"matmul m=1 n=1 k=1" + epilogue}, 1, folder.path("dist"));
    const std::string added = epilogue.empty() ? "" : ", ptr %added";
    request.compile = [body, added](const ExportEntry&, const std::string& symbol) {
        KernelObject kernel;
        kernel.object = compile_ir(
            fmt::format("define i32 @{}(ptr %space, ptr %a, ptr %b{}, ptr %c) {{\n{}\n}}\n", symbol, added, body));
        kernel.run_symbol = symbol;
        if (!added.empty()) kernel.in_place = {2};
        return CompileResult{Outcome{}, kernel};
    };
    return request;
}

void check_refused(const TemporaryFolder& folder, const ExportRequest& request, const std::string& reason) {
    try {
        export_library(request);
        FAIL("the library was exported");
    } catch (const Error& error) {
        CHECK(error.exit_status() == 1);
        CHECK_THAT(error.what(), Catch::Contains(reason) && Catch::Contains("tilesmith_matmul_f32_m"));
    }
    CHECK(folder.items() == 0);
}

}  // namespace

TEST_CASE("verify: a kernel that computes something else fails the export", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=4 n=4 k=4"}, 1, folder.path("dist"));
    request.compile = [target = request.target](const ExportEntry& entry, const std::string& symbol) {
        const Problem transposed = parse_problem("matmul m=4 n=4 k=4 ta=1");
        const ExportRequest other = request_for({transposed.text()}, 1, "");
        return compile(transposed, other.entries[0].schedule, target, entry.conditions, Checks::assertions, symbol);
    };
    check_refused(folder, request, "is wrong");
}

TEST_CASE("verify: a kernel that writes nothing fails the export", "[kernel]") {
    const TemporaryFolder folder;
    check_refused(folder, request_with_body(folder, "ret i32 0"), "is wrong");
}

TEST_CASE("verify: a kernel that writes the output before it reads what it adds fails the export", "[kernel]") {
    const std::string product = "%x = load float, ptr %a\n%y = load float, ptr %b\n%p = fmul float %x, %y\n";
    const std::string sum = "%z = load float, ptr %added\n%s = fadd float %p, %z\nstore float %s, ptr %c\nret i32 0";
    const TemporaryFolder folder;
    CHECK(export_library(request_with_body(folder, product + sum, " epilogue=add")).kernels.size() == 1);
    const TemporaryFolder other;
    check_refused(other, request_with_body(other, product + "store float %p, ptr %c\n" + sum, " epilogue=add"),
                  "as the output is wrong");
}

TEST_CASE("verify: a kernel that returns an error fails the export", "[kernel]") {
    const TemporaryFolder folder;
    check_refused(folder, request_with_body(folder, "ret i32 -27"), "requirement_failed");
}

TEST_CASE("verify: a kernel that crashes fails the export", "[kernel]") {
    const TemporaryFolder folder;
    check_refused(folder, request_with_body(folder, "store i32 1, ptr inttoptr (i64 64 to ptr)\nret i32 0"), "crashed");
}

TEST_CASE("verify: a kernel that is right but reads outside its inputs fails the export", "[kernel]") {
    for (const int index : {-1, 1}) {
        const TemporaryFolder folder;
        const std::string body = fmt::format(
            "%x = load float, ptr %a\n%y = load float, ptr %b\n%z = fmul float %x, %y\nstore float %z, ptr %c\n"
            "%outside = getelementptr float, ptr %a, i64 {}\n%stray = load volatile float, ptr %outside\nret i32 0",
            index);
        CAPTURE(index);
        check_refused(folder, request_with_body(folder, body), "crashed");
    }
}

TEST_CASE("verify: a CPU without a feature of the target is refused by the first call", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=4 n=4 k=4"}, 1, folder.path("dist"));
    request.target.requires_features.emplace_back("fxsr");  // of every x86-64, and unknown to the library's own check
    check_refused(folder, request, "unsupported_cpu");
}

TEST_CASE("verify: a kernel that needs what no library has fails the export", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=4 n=4 k=4"}, 1, folder.path("dist"));
    request.compile = [](const ExportEntry&, const std::string& symbol) {
        KernelObject kernel;
        kernel.object =
            compile_ir(fmt::format("declare i32 @halide_trace()\ndefine i32 @{}(ptr %s, ptr %a, ptr %b, ptr %c) {{\n"
                                   "%r = call i32 @halide_trace()\nret i32 %r\n}}\n",
                                   symbol));
        kernel.run_symbol = symbol;
        return CompileResult{Outcome{}, kernel};
    };
    CHECK_THROWS_WITH(export_library(request), Catch::Contains("halide_trace"));
    CHECK(folder.items() == 0);
}
