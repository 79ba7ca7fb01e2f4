#include "codegen/prefetch.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tilesmith {

namespace {

using Halide::Expr;
namespace Ir = Halide::Internal;

constexpr int kLineBytes = 64;
// llvm.prefetch (LLVM Language Reference): the address, read (0) or write, locality (3: all caches), data cache (1).
constexpr const char* kPrefetch = "llvm.prefetch.p0";

// How the copy of a panel reads its rows: `index` elements into `buffer`, for the rows `variable` = 0, 1, ... `rows`.
struct RowReads {
    std::string buffer, variable;
    Expr index;
    int rows = 0;
    int element_bytes = 0;
};

// The first dense vector that the innermost loop of a copy reads.
class FindRowReads : public Ir::IRVisitor {
  public:
    std::optional<RowReads> found;

  private:
    using Ir::IRVisitor::visit;

    void visit(const Ir::LetStmt* let) override {
        lets_.emplace_back(let->name, let->value);
        Ir::IRVisitor::visit(let);
        lets_.pop_back();
    }

    void visit(const Ir::For* loop) override {
        const Ir::For* outer = std::exchange(loop_, loop);
        Ir::IRVisitor::visit(loop);
        loop_ = outer;
    }

    void visit(const Ir::Load* load) override {
        const auto* ramp = load->index.as<Ir::Ramp>();
        if (found || loop_ == nullptr || ramp == nullptr || !Ir::is_const_one(ramp->stride)) return;
        const auto extent = Ir::as_const_int(loop_->extent);
        if (!Ir::is_const_zero(loop_->min) || !extent) return;
        Expr index = ramp->base;
        for (auto let = lets_.rbegin(); let != lets_.rend(); ++let)
            index = Ir::substitute(let->first, let->second, index);
        found = RowReads{load->name, loop_->name, index, static_cast<int>(*extent), load->type.bytes()};
    }

    std::vector<std::pair<std::string, Expr>> lets_;
    const Ir::For* loop_ = nullptr;
};

class PrefetchPanels : public Ir::IRMutator {
  public:
    explicit PrefetchPanels(const PanelPrefetch& prefetch) : prefetch_(prefetch) {}

  private:
    using Ir::IRMutator::visit;

    Ir::Stmt visit(const Ir::ProducerConsumer* node) override {
        if (node->name != prefetch_.copy) return Ir::IRMutator::visit(node);
        if (node->is_producer) {
            FindRowReads find;
            node->body.accept(&find);
            reads_ = find.found;
            return node;
        }
        tile_ = Expr();
        Ir::Stmt consumer = Ir::IRMutator::visit(node);
        reads_.reset();
        return consumer;
    }

    Ir::Stmt visit(const Ir::For* loop) override {
        if (!reads_) return Ir::IRMutator::visit(loop);
        if (loop->name.starts_with(prefetch_.consumer + ".s1.")) return with_prefetch(loop);
        if (!tile_.defined()) tile_ = Ir::Variable::make(Halide::Int(32), loop->name);
        return Ir::IRMutator::visit(loop);
    }

    // The rows are shared out evenly among tiles, and within a tile among the iterations of its reduction.
    Ir::Stmt with_prefetch(const Ir::For* loop) {
        const auto extent = Ir::as_const_int(loop->extent);
        if (!extent || !tile_.defined()) return loop;
        const int iterations = static_cast<int>(*extent);
        const int rows = (reads_->rows + prefetch_.tiles - 1) / prefetch_.tiles;
        const int at_once = (rows + iterations - 1) / iterations;
        const int every = std::max(1, iterations / rows);
        const Expr iteration = Ir::Variable::make(Halide::Int(32), loop->name);
        Ir::Stmt body = loop->body;
        for (int i = 0; i < at_once; ++i)
            body = Ir::Block::make(lines_of(tile_ * rows + iteration / every * at_once + i), body);
        return Ir::For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy,
                             loop->device_api, body);
    }

    // Asks for the lines of one row of the next panel.
    [[nodiscard]] Ir::Stmt lines_of(const Expr& row) const {
        const int bytes = reads_->element_bytes;
        const Expr index = Ir::substitute(reads_->variable, row, reads_->index) + prefetch_.columns;
        const Expr base = Halide::reinterpret<int64_t>(Ir::Variable::make(Halide::Handle(), reads_->buffer));
        Ir::Stmt lines;
        for (int offset = 0; offset < prefetch_.columns * bytes; offset += kLineBytes) {
            const Expr address =
                Halide::reinterpret(Halide::Handle(), base + Halide::cast<int64_t>(index) * bytes + offset);
            const Ir::Stmt line =
                Ir::Evaluate::make(Ir::Call::make(Halide::Int(32), kPrefetch, {address, 0, 3, 1}, Ir::Call::Extern));
            lines = lines.defined() ? Ir::Block::make(lines, line) : line;
        }
        return lines;
    }

    const PanelPrefetch& prefetch_;
    std::optional<RowReads> reads_;  // of the panel whose consumer is being visited
    Expr tile_;                      // the loop over its tiles
};

}  // namespace

Ir::Stmt prefetch_panels(const Ir::Stmt& body, const PanelPrefetch& prefetch) {
    return PrefetchPanels(prefetch).mutate(body);
}

}  // namespace tilesmith
