#include "export/export.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "codegen/inspect.h"
#include "core/error.h"
#include "export/embedded.h"
#include "fixture.h"
#include "schedules/operator.h"
#include "schedules/template.h"

using namespace tilesmith;
using test::request_for;
using test::TemporaryFolder;

namespace {

int status_of(const ExportRequest& request) {
    try {
        export_library(request);
        return 0;
    } catch (const Error& error) {
        CAPTURE(error.what());
        return error.exit_status();
    }
}

}  // namespace

TEST_CASE("export: the manifest names every kernel with what is known about it", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=5 n=9 k=7", "conv2d h=4 w=5 ci=3 co=6 kh=3 kw=3 pad=1 epilogue=relu",
                                         "elementwise rows=2 cols=512 epilogue=bias,add"},
                                        1, folder.path("dist"));
    request.entries[0].tier = "exact";
    request.entries[0].median_ns = 1234;
    request.entries[0].interval_ns = {1200, 1300};
    const ExportReport report = export_library(request);
    CHECK(report.kernels.size() == 3);
    CHECK(report.functions_checked >= 8);

    const auto manifest = nlohmann::json::parse(test::read_file(folder.path("dist/manifest.json")));
    CHECK(manifest["library"] == "tilesmith_kernels");
    CHECK(manifest["device"]["fingerprint"] == request.device.fingerprint);
    CHECK(manifest["toolchain"]["text"] == request.toolchain.text);
    const auto& matmul = manifest["kernels"][0];
    CHECK(matmul["symbol"] == "tilesmith_matmul_f32_m5_n9_k7");
    CHECK(matmul["problem"] == "matmul m=5 n=9 k=7 dtype=f32");
    CHECK(matmul["threads"] == 1);
    CHECK(matmul["tier"] == "exact");
    CHECK(matmul["median_ns"] == 1234);
    CHECK(matmul["low_ns"] == 1200);
    CHECK(matmul["schedule"] == nlohmann::json(request.entries[0].schedule.to_json()));
    CHECK(matmul["code"]["hash"].get<std::string>().size() == 16);
    CHECK(matmul["arguments"][0] ==
          nlohmann::json({{"name", "a"}, {"role", "input"}, {"kind", "input"}, {"dtype", "f32"}, {"shape", {5, 7}}}));
    CHECK_FALSE(matmul.contains("packed"));
    const auto& conv = manifest["kernels"][1];
    CHECK(conv["median_ns"].is_null());
    const std::string name = "tilesmith_conv2d_f32_n1_h4_w5_ci3_co6_kh3_kw3_pad1_relu";
    CHECK(conv["packed"]["bytes_symbol"] == name + "_packed_w_bytes");
    CHECK(conv["packed"]["pack_symbol"] == name + "_pack_w");
    CHECK(conv["packed"]["run_symbol"] == name + "_packed");
    CHECK(conv["packed"]["argument"] == "w");
    const std::string header = test::read_file(folder.path("dist/include/tilesmith_kernels.h"));
    CHECK(matmul["in_place"].empty());
    CHECK(manifest["kernels"][2]["in_place"] == nlohmann::json({"x", "add"}));
    CHECK_THAT(header, Catch::Contains("add: float[2][512], may be y itself"));
    for (const auto& kernel : manifest["kernels"])
        CHECK(header.find(kernel["symbol"].get<std::string>() + "(") != std::string::npos);
}

TEST_CASE("export: two exports of the same request give the same library", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=8 n=16 k=4"}, 1, folder.path("one"));
    export_library(request);
    request.output = folder.path("two");
    export_library(request);
    CHECK(test::read_file(folder.path("one/manifest.json")) == test::read_file(folder.path("two/manifest.json")));
    CHECK(test::read_file(folder.path("one/include/tilesmith_kernels.h")) ==
          test::read_file(folder.path("two/include/tilesmith_kernels.h")));
}

TEST_CASE("export: kernels that store past the caches find the stores in the library", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request =
        request_for({"elementwise rows=3 cols=50", "softmax rows=4 cols=64"}, 2, folder.path("dist"));
    request.target.l2_bytes = 0;
    for (ExportEntry& entry : request.entries) {
        const Space space =
            template_named(entry.schedule.template_id())->space(entry.problem, request.target, entry.conditions);
        entry.schedule = *space.repair(entry.schedule.set("store", "stream"));
        REQUIRE(entry.schedule.choice("store") == "stream");
    }
    CHECK(export_library(request).kernels.size() == 2);
}

TEST_CASE("export: the run time's stores past the caches are non-temporal, and end with a fence", "[unit]") {
    std::string text;
    for (const ArchiveMember& member : embedded_objects()) text += disassemble(member.object, "sapphirerapids").text;
    for (const char* instruction : {"movntps xmmword", "vmovntps ymmword", "vmovntps zmmword", "sfence"})
        CHECK_THAT(text, Catch::Contains(instruction));
}

TEST_CASE("export: bad requests are refused and leave nothing", "[kernel]") {
    const TemporaryFolder folder;
    const ExportRequest good = request_for({"matmul m=4 n=4 k=4"}, 1, folder.path("dist"));

    ExportRequest request = good;
    request.entries.clear();
    CHECK(status_of(request) == 2);
    request = good;
    request.name = "not-a-name";
    CHECK(status_of(request) == 2);
    request = good;
    request.output = folder.path("missing/dist");
    CHECK(status_of(request) == 2);
    request = good;
    request.entries.push_back(good.entries[0]);
    request.entries[1].conditions.threads = 2;
    CHECK_THROWS_WITH(export_library(request), Catch::Contains("twice") && Catch::Contains("threads=2"));
    request.entries[1] = good.entries[0];  // the same twice is once
    request.output = folder.path("once");
    CHECK(export_library(request).kernels.size() == 1);
    std::filesystem::remove_all(folder.path("once"));
    request = good;
    request.target.requires_features.emplace_back("no-such-feature");
    CHECK_THROWS_WITH(export_library(request), Catch::Contains("no-such-feature"));
    CHECK(status_of(request) == 2);
    CHECK(folder.items() == 0);
}

TEST_CASE("export: a failed export leaves the earlier one as it was", "[kernel]") {
    const TemporaryFolder folder;
    ExportRequest request = request_for({"matmul m=4 n=4 k=4"}, 1, folder.path("dist"));
    export_library(request);
    const std::string before = test::read_file(folder.path("dist/lib/libtilesmith_kernels.a"));
    request.compile = [](const ExportEntry&, const std::string&) {
        return CompileResult{Outcome::failed(Status::compile_failed, "on purpose"), std::nullopt};
    };
    CHECK_THROWS_WITH(export_library(request), Catch::Contains("on purpose"));
    CHECK(status_of(request) == 1);
    CHECK(test::read_file(folder.path("dist/lib/libtilesmith_kernels.a")) == before);
    CHECK(folder.items() == 1);
}
