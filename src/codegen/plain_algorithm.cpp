#include "codegen/plain_algorithm.h"

#include <Halide.h>
#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "schedules/blocks/epilogue.h"
#include "schedules/conv/shape.h"
#include "schedules/operator.h"
#include "schedules/pool/shape.h"
#include "schedules/transposed/shape.h"

namespace tilesmith {

namespace {

using Halide::Expr;
using Halide::Func;
using Halide::ImageParam;
using Halide::RDom;
using Halide::Var;

int as_int(int64_t value) { return static_cast<int>(value); }

std::vector<int64_t> reversed(const std::vector<int64_t>& extents) { return {extents.rbegin(), extents.rend()}; }

// Dimensions that have no boundary, for constant_exterior.
Halide::Range unbounded() { return {Expr(), Expr()}; }
Halide::Range bounded(int64_t extent) { return {Expr(0), Expr(as_int(extent))}; }

struct Algorithm {
    explicit Algorithm(const Problem& the_problem) : problem(the_problem) {
        arguments = operator_of(problem).arguments(problem);
        for (size_t i = 0; i < arguments.size() - 1; ++i)
            if (arguments[i].role != Role::epilogue)
                inputs.emplace_back(Halide::Float(32), as_int(static_cast<int64_t>(arguments[i].shape.size())),
                                    arguments[i].name);
    }

    // The operator's result before its epilogue, at `position` (innermost first).
    void finish(const Func& result, const std::vector<Var>& position) {
        finish(result, position, reversed(arguments.back().shape), {position.begin(), position.end()});
    }

    // The same where the epilogue sees the output with other axes: these extents, and there this place.
    void finish(const Func& result, const std::vector<Var>& position, const std::vector<int64_t>& epilogue_extents,
                const std::vector<Expr>& place) {
        const std::vector<int64_t> extents = reversed(arguments.back().shape);
        stage.output = result;
        if (!problem.epilogue().empty()) {
            epilogue = epilogue_inputs(problem, epilogue_extents);
            Func finished("finished");
            finished(position) = apply_epilogue(problem, epilogue, result(position), place);
            stage.output = finished;
        }
        stage.output_extents = extents;
        for (size_t i = 0; i < inputs.size(); ++i) {
            stage.inputs.push_back(inputs[i]);
            stage.input_extents.push_back(reversed(arguments[i].shape));
        }
        epilogue.append_to(stage);
    }

    const Problem& problem;
    std::vector<Argument> arguments;
    std::vector<ImageParam> inputs;
    EpilogueInputs epilogue;
    Stage stage;
};

void matmul(Algorithm& a) {
    const bool ta = a.problem["ta"] != 0, tb = a.problem["tb"] != 0, batched = a.problem["b"] > 1;
    const Var n("n"), m("m"), b("b");
    const RDom k(0, as_int(a.problem["k"]), "k");
    std::vector<Var> position{n, m};
    std::vector<Expr> left = ta ? std::vector<Expr>{m, k} : std::vector<Expr>{k, m};
    std::vector<Expr> right = tb ? std::vector<Expr>{k, n} : std::vector<Expr>{n, k};
    if (batched) {
        position.push_back(b);
        left.emplace_back(b);
        right.emplace_back(b);
    }
    Func product("product");
    product(position) += a.inputs[0](left) * a.inputs[1](right);
    a.finish(product, position);
}

struct ConvAxis {
    int64_t extent, k, stride, dilation, pad, pad_end;
};

void convolution(Algorithm& a) {
    const ConvShape s = conv_shape(a.problem);
    std::vector<ConvAxis> axes{{s.w, s.kw, s.stride_w, s.dilation_w, s.pad_w, s.pad_w_end}};
    if (a.problem.op() != "conv1d") axes.push_back({s.h, s.kh, s.stride_h, s.dilation_h, s.pad_h, s.pad_h_end});
    if (a.problem.op() == "conv3d") axes.push_back({s.d, s.kd, s.stride_d, s.dilation_d, s.pad_d, s.pad_d_end});

    const Var c("c"), n("n");
    std::vector<Var> position{c};
    Halide::Region domain{bounded(s.group_ci())}, bounds{unbounded()};
    bool padded = false;
    for (const ConvAxis& axis : axes) {
        position.emplace_back(fmt::format("o{}", position.size()));
        domain.push_back(bounded(axis.k));
        bounds.push_back(bounded(axis.extent));
        padded = padded || axis.pad != 0 || axis.pad_end != 0;
    }
    position.push_back(n);
    bounds.push_back(unbounded());
    const RDom r(domain, "r");
    const Expr group = s.groups == 1 ? Expr(0) : c / as_int(s.group_co());
    std::vector<Expr> from{group * as_int(s.group_ci()) + r[0]}, by{c, r[0]};
    for (size_t i = 0; i < axes.size(); ++i) {
        const ConvAxis& axis = axes[i];
        from.push_back(position[1 + i] * as_int(axis.stride) +
                       r[as_int(static_cast<int64_t>(1 + i))] * as_int(axis.dilation) - as_int(axis.pad));
        by.emplace_back(r[as_int(static_cast<int64_t>(1 + i))]);
    }
    from.emplace_back(n);
    const Func image =
        padded ? Halide::BoundaryConditions::constant_exterior(a.inputs[0], 0.0F, bounds) : Func(a.inputs[0]);
    Func sum("sum");
    sum(position) += image(from) * a.inputs[1](by);
    a.finish(sum, position);
}

void capsules(Algorithm& a) {
    const ConvShape s = conv_shape(a.problem);
    const int capsule = as_int(s.capsules);
    const Var co("co"), j("j"), i("i"), x("x"), y("y"), n("n");
    const RDom r(0, as_int(a.problem["ci"]), 0, capsule, 0, as_int(s.kw), 0, as_int(s.kh), "r");
    const Func image = Halide::BoundaryConditions::constant_exterior(
        a.inputs[0], 0.0F, {unbounded(), unbounded(), unbounded(), bounded(s.w), bounded(s.h), unbounded()});
    Func sum("sum");
    sum(co, j, i, x, y, n) += image(r.x, r.y, i, x * as_int(s.stride_w) + r.z * as_int(s.dilation_w) - as_int(s.pad_w),
                                    y * as_int(s.stride_h) + r.w * as_int(s.dilation_h) - as_int(s.pad_h), n) *
                              a.inputs[1](co, r.x, j, r.y, r.z, r.w);
    const Expr channel = (i * capsule + j) * as_int(a.problem["co"]) + co;
    a.finish(sum, {co, j, i, x, y, n}, {s.co, s.ow, s.oh, s.n}, {channel, x, y, n});
}

void transposed(Algorithm& a) {
    const TransposedShape s(a.problem);
    const Var c("c"), x("x"), y("y"), n("n");
    const RDom r(0, as_int(s.ci), 0, as_int(s.w.k), 0, as_int(s.h.k), "r");
    const Func image = Halide::BoundaryConditions::constant_exterior(
        a.inputs[0], 0.0F, {unbounded(), bounded(s.w.extent), bounded(s.h.extent), unbounded()});
    const Expr column = x + as_int(s.w.pad) - r.y, row = y + as_int(s.h.pad) - r.z;
    const int stride_w = as_int(s.w.stride), stride_h = as_int(s.h.stride);
    Func sum("sum");
    sum(c, x, y, n) += Halide::select(column % stride_w == 0 && row % stride_h == 0,
                                      image(r.x, column / stride_w, row / stride_h, n), 0.0F) *
                       a.inputs[1](c, r.x, r.y, r.z);
    a.finish(sum, {c, x, y, n});
}

void pool(Algorithm& a) {
    const PoolShape s(a.problem);
    const bool mean = a.problem.op() == "avg_pool";
    const Var c("c"), x("x"), y("y"), n("n");
    const RDom r(0, as_int(s.kw), 0, as_int(s.kh), "r");
    const Func image =
        Halide::BoundaryConditions::constant_exterior(a.inputs[0], mean ? Expr(0.0F) : Halide::Float(32).min(),
                                                      {unbounded(), bounded(s.w), bounded(s.h), unbounded()});
    const Expr column = x * as_int(s.stride_w) - as_int(s.pad_w), row = y * as_int(s.stride_h) - as_int(s.pad_h);
    Func window("window");
    if (!mean) {
        window(c, x, y, n) = Halide::Float(32).min();
        window(c, x, y, n) = Halide::max(window(c, x, y, n), image(c, column + r.x, row + r.y, n));
        a.finish(window, {c, x, y, n});
        return;
    }
    window(c, x, y, n) += image(c, column + r.x, row + r.y, n);
    const auto inside = [](const Expr& first, int64_t k, int64_t extent) {
        return Halide::min(first + as_int(k), as_int(extent)) - Halide::max(first, 0);
    };
    const Expr count =
        a.problem["include_pad"] != 0 ? Expr(as_int(s.kw * s.kh)) : inside(column, s.kw, s.w) * inside(row, s.kh, s.h);
    Func average("average");
    average(c, x, y, n) = window(c, x, y, n) / Halide::cast<float>(count);
    a.finish(average, {c, x, y, n});
}

void softmax(Algorithm& a) {
    const Var c("c"), row("row");
    const RDom k(0, as_int(a.problem["cols"]), "k");
    const ImageParam& x = a.inputs[0];
    Func largest("largest"), power("power"), sum("sum"), out("out");
    largest(row) = Halide::Float(32).min();
    largest(row) = Halide::max(largest(row), x(k, row));
    power(c, row) = Halide::exp(x(c, row) - largest(row));
    sum(row) += power(k, row);
    out(c, row) = power(c, row) / sum(row);
    a.finish(out, {c, row});
}

void layer_norm(Algorithm& a) {
    const Var c("c"), row("row");
    const RDom k(0, as_int(a.problem["cols"]), "k");
    const ImageParam& x = a.inputs[0];
    const auto count = static_cast<float>(a.problem["cols"]);
    Func sum("sum"), squares("squares"), out("out");
    sum(row) += x(k, row);
    const Expr deviation = x(k, row) - sum(row) / count;
    squares(row) += deviation * deviation;
    out(c, row) = (x(c, row) - sum(row) / count) /
                      Halide::sqrt(squares(row) / count + static_cast<float>(a.problem.eps())) * a.inputs[1](c) +
                  a.inputs[2](c);
    a.finish(out, {c, row});
}

void rms_norm(Algorithm& a) {
    const Var c("c"), row("row");
    const RDom k(0, as_int(a.problem["cols"]), "k");
    const ImageParam& x = a.inputs[0];
    Func squares("squares"), out("out");
    squares(row) += x(k, row) * x(k, row);
    const Expr mean = squares(row) / static_cast<float>(a.problem["cols"]);
    out(c, row) = x(c, row) / Halide::sqrt(mean + static_cast<float>(a.problem.eps())) * a.inputs[1](c);
    a.finish(out, {c, row});
}

void norm(Algorithm& a) {
    const Var b("b");
    const RDom r(0, as_int(a.problem["n"]), 0, as_int(a.problem["m"]), "r");
    Func squares("squares"), out("out");
    squares(b) += a.inputs[0](r.x, r.y, b) * a.inputs[0](r.x, r.y, b);
    out(b) = Halide::sqrt(squares(b));
    a.finish(out, {b});
}

void reduce(Algorithm& a) {
    const std::vector<int64_t> groups = reversed(a.arguments[0].shape);  // reduced, kept, reduced, ...
    Halide::Region domain;
    for (size_t i = 0; i < groups.size(); i += 2) domain.push_back(bounded(groups[i]));
    const RDom r(domain, "r");
    std::vector<Var> position;
    std::vector<Expr> from;
    for (int i = 0; i < r.dimensions(); ++i) {
        position.emplace_back(fmt::format("k{}", i));
        from.emplace_back(r[i]);
        from.emplace_back(position.back());
    }
    const Expr element = a.inputs[0](from);
    Func total("total");
    if (a.problem.op() == "reduce_max") {
        total(position) = Halide::Float(32).min();
        total(position) = Halide::max(total(position), element);
    } else {
        total(position) += element;
    }
    if (a.problem.op() != "reduce_mean") return a.finish(total, position);
    Func mean("mean");
    mean(position) = total(position) / static_cast<float>(operator_of(a.problem).reduction(a.problem));
    a.finish(mean, position);
}

void elementwise(Algorithm& a) {
    const Var c("c"), row("row");
    Func element("element");
    element(c, row) = a.inputs[0](c, row);
    a.finish(element, {c, row});
}

void transpose(Algorithm& a) {
    const Var c("c"), m("m"), n("n"), b("b");
    Func turned("turned");
    turned(c, m, n, b) = a.inputs[0](c, n, m, b);
    a.finish(turned, {c, m, n, b});
}

using Writer = void (*)(Algorithm&);

const std::map<std::string, Writer>& writers() {
    static const std::map<std::string, Writer> table{
        {"matmul", matmul},           {"conv1d", convolution},      {"conv2d", convolution},
        {"conv3d", convolution},      {"capsule_conv2d", capsules}, {"conv2d_transposed", transposed},
        {"max_pool", pool},           {"avg_pool", pool},           {"softmax", softmax},
        {"layer_norm", layer_norm},   {"rms_norm", rms_norm},       {"norm", norm},
        {"reduce_sum", reduce},       {"reduce_max", reduce},       {"reduce_mean", reduce},
        {"elementwise", elementwise}, {"transpose", transpose},
    };
    return table;
}

}  // namespace

bool has_plain_algorithm(const Problem& problem) {
    return problem.dtype() == DType::f32 && writers().count(problem.op()) != 0;
}

Stage plain_algorithm(const Problem& problem) {
    Algorithm algorithm(problem);
    writers().at(problem.op())(algorithm);
    return algorithm.stage;
}

}  // namespace tilesmith
