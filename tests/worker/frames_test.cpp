#include "worker/frames.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "worker/messages.h"

using namespace tilesmith;

TEST_CASE("frames: what is encoded is read back, in whatever pieces it arrives", "[unit]") {
    const Frame first{{{"type", "measure"}, {"n", 3}}, {std::string("a\0b", 3), "", std::string(100000, 'x')}};
    const Frame second{{{"type", "hello"}}, {}};
    const std::string bytes = encode(first) + encode(second) + encode(first);
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}, bytes.size()}) {
        FrameReader reader;
        std::vector<Frame> frames;
        for (size_t at = 0; at < bytes.size(); at += piece) {
            reader.append(bytes.data() + at, std::min(piece, bytes.size() - at));
            while (auto frame = reader.next()) frames.push_back(std::move(*frame));
        }
        REQUIRE(frames.size() == 3);
        CHECK(frames[0].header == first.header);
        CHECK(frames[0].payloads == first.payloads);
        CHECK(frames[1].type() == "hello");
        CHECK(frames[2].payloads == first.payloads);
    }
}

TEST_CASE("frames: bytes that are no frame are refused", "[unit]") {
    for (const std::string& bytes : {std::string("hello, world"), std::string("TSF1\xff\xff\xff\xff", 8),
                                     std::string("TSF1\2\0\0\0[]", 10), std::string("TSF1\3\0\0\0{]}", 11)}) {
        FrameReader reader;
        reader.append(bytes.data(), bytes.size());
        CHECK_THROWS_AS(reader.next(), Error);
    }
}

TEST_CASE("messages: requests and outcomes survive the way through a frame", "[unit]") {
    MeasureRequest request;
    request.data = {"matmul m=1 n=2 k=3 dtype=f32", 12345678901234567890U, Values::reals};
    request.conditions = "threads=2";
    request.kernel = {std::string("\x7f"
                                  "ELF\0",
                                  5),
                      "run",
                      "run_pack_w",
                      123,
                      45,
                      6,
                      {2}};
    request.timed = false;
    request.timing.stop_above_ns = 1234.5;
    const MeasureRequest read = measure_request(to_frame(request));
    CHECK(read.data == request.data);
    CHECK(read.kernel.object == request.kernel.object);
    CHECK(read.kernel.pack_symbol == "run_pack_w");
    CHECK(read.kernel.packed_bytes == 123);
    CHECK(read.kernel.in_place == std::vector<size_t>{2});
    CHECK_FALSE(read.timed);
    CHECK(read.timing.stop_above_ns == 1234.5);

    const Outcome outcome{Status::wrong_result, "c[0] is 1", {1.5, 2.5}, true, 3.5, 4.5};
    const Outcome back = outcome_from(to_json(outcome));
    CHECK(back.status == outcome.status);
    CHECK(back.reason == outcome.reason);
    CHECK(back.samples_ns == outcome.samples_ns);
    CHECK(back.censored);
    CHECK(back.reference_ns == 3.5);
    CHECK(back.compile_ms == 4.5);

    CHECK_THROWS_AS(measure_request(Frame{{{"type", "measure"}}, {}}), Error);
    CHECK_THROWS_AS(compile_result(Frame{{{"type", "compiled"}}, {}}), Error);
}
