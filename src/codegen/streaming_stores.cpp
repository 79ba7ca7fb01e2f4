#include "codegen/streaming_stores.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codegen/address.h"

namespace tilesmith {

namespace {

using Halide::Expr;
namespace Ir = Halide::Internal;

Ir::Stmt call(const std::string& function, const std::vector<Expr>& arguments) {
    return Ir::Evaluate::make(Ir::Call::make(Halide::Int(32), function, arguments, Ir::Call::Extern));
}

Expr address(const std::string& buffer, const Expr& element) {
    return address_of(buffer, element, Halide::Float(32).bytes());
}

void append_statements(const Ir::Stmt& statement, std::vector<Ir::Stmt>& list) {
    if (const auto* block = statement.as<Ir::Block>()) {
        append_statements(block->first, list);
        append_statements(block->rest, list);
    } else {
        list.push_back(statement);
    }
}

// A statement that only stores a dense vector to the output: the store, in the values that it is given.
struct VectorStore {
    std::vector<const Ir::LetStmt*> lets;  // the outermost first
    const Ir::Store* store = nullptr;

    [[nodiscard]] int lanes() const { return store->value.type().lanes(); }

    // The element that it begins at.
    [[nodiscard]] Expr first() const {
        Expr element = store->index.as<Ir::Ramp>()->base;
        for (auto let = lets.rbegin(); let != lets.rend(); ++let)
            element = Ir::substitute((*let)->name, (*let)->value, element);
        return element;
    }

    // The same, stored to element `place` of `buffer`.
    [[nodiscard]] Ir::Stmt moved_to(const std::string& buffer, int place) const {
        Ir::Stmt moved = Ir::Store::make(buffer, store->value, Ir::Ramp::make(place, 1, lanes()), Halide::Parameter(),
                                         store->predicate, Ir::ModulusRemainder(0, place));
        for (auto let = lets.rbegin(); let != lets.rend(); ++let)
            moved = Ir::LetStmt::make((*let)->name, (*let)->value, moved);
        return moved;
    }
};

std::optional<VectorStore> vector_store(const Ir::Stmt& statement, const std::string& output) {
    VectorStore found;
    Ir::Stmt inner = statement;
    for (const Ir::LetStmt* let = nullptr; (let = inner.as<Ir::LetStmt>()) != nullptr; inner = let->body)
        found.lets.push_back(let);
    found.store = inner.as<Ir::Store>();
    if (found.store == nullptr || found.store->name != output) return std::nullopt;
    const auto* ramp = found.store->index.as<Ir::Ramp>();
    const bool dense = ramp != nullptr && Ir::is_const_one(ramp->stride) && Ir::is_const_one(found.store->predicate);
    const bool vector = found.store->value.type().element_of() == Halide::Float(32) &&
                        (found.lanes() == 4 || found.lanes() == 8 || found.lanes() == 16);
    return dense && vector ? std::optional(found) : std::nullopt;
}

class StreamStores : public Ir::IRMutator {
  public:
    StreamStores(std::string output, std::string vectors) : output_(std::move(output)), vectors_(std::move(vectors)) {}
    int most_elements = 0;  // that wait on the stack

  private:
    using Ir::IRMutator::visit;

    Ir::Stmt visit(const Ir::Store* only) override {
        const auto store = vector_store(only, output_);
        return store ? streamed({*store}) : Ir::Stmt(only);
    }

    Ir::Stmt visit(const Ir::LetStmt* let) override {
        const auto store = vector_store(let, output_);
        return store ? streamed({*store}) : Ir::IRMutator::visit(let);
    }

    Ir::Stmt visit(const Ir::Block* block) override {
        std::vector<Ir::Stmt> before, after;
        append_statements(block, before);
        std::vector<VectorStore> run;
        const auto end_run = [&] {
            if (!run.empty()) after.push_back(streamed(run));
            run.clear();
        };
        for (const Ir::Stmt& statement : before) {
            if (const auto store = vector_store(statement, output_)) {
                run.push_back(*store);
            } else {
                end_run();
                after.push_back(mutate(statement));
            }
        }
        end_run();
        return Ir::Block::make(after);
    }

    // All of `run` is computed before the first call, which leaves no constants in registers.
    Ir::Stmt streamed(const std::vector<VectorStore>& run) {
        std::vector<Ir::Stmt> statements, calls;
        int place = 0;
        for (const VectorStore& store : run) {
            statements.push_back(store.moved_to(vectors_, place));
            calls.push_back(call("tilesmith_rt_stream_f32x" + std::to_string(store.lanes()),
                                 {address(output_, store.first()), address(vectors_, place)}));
            place += store.lanes();
        }
        most_elements = std::max(most_elements, place);
        statements.insert(statements.end(), calls.begin(), calls.end());
        return Ir::Block::make(statements);
    }

    const std::string output_, vectors_;
};

}  // namespace

Ir::Stmt with_streaming_stores(const Ir::Stmt& body, const Stage& stage) {
    if (!stage.stream_output) return body;
    const std::string vectors = Ir::unique_name("vectors");
    StreamStores stream(stage.output.name(), vectors);
    const Ir::Stmt result = stream.mutate(body);
    if (stream.most_elements == 0) return body;
    return Ir::Allocate::make(vectors, Halide::Float(32), Halide::MemoryType::Stack, {stream.most_elements},
                              Ir::const_true(), Ir::Block::make(result, call("tilesmith_rt_stream_end", {})));
}

}  // namespace tilesmith
