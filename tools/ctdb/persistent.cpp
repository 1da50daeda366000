// Records of persistent and replicated databases, by transactions.
#include "commands.hpp"
#include "common/client/transaction.hpp"
#include "find_database.hpp"
#include "json.hpp"
#include "text.hpp"

#include <fstream>
#include <iostream>

namespace ctdb::tool {

namespace {

async::task<outcome<attached>> attach_for_transactions(context& ctx) {
    auto known = co_await find_database(ctx, ctx.argument(0));
    if (!known) {
        co_return pass(known);
    }
    if (protocol::is_volatile(known->flags)) {
        fmt::print(stderr, "Transactions not supported on DB {}\n", known->name);
        co_return failure();
    }
    co_return co_await attach_known(ctx, *known);
}

outcome<bytes> data_of(std::string_view what, const std::string& text) {
    auto data = parse_data(what, text);
    if (!data) {
        fmt::print(stderr, "{}", data.error());
        return failure(EINVAL);
    }
    return std::move(*data);
}

// Waiting for other transactions and for recoveries has no limit but -T.
constexpr auto no_limit = async::time_point::max();

async::task<outcome<std::unique_ptr<client::transaction>>> begin(attached& use) {
    auto t = co_await client::transaction::begin(*use.all, use.db, no_limit);
    if (!t) {
        fmt::print(stderr, "{}\n", t.error().what);
        fmt::print(stderr, "Failed to start transaction on db {}\n", use.db->name());
        co_return failure(code_of(t.error()));
    }
    co_return std::move(*t);
}

async::task<int> commit(client::transaction& t, const std::string& name) {
    const auto done = co_await t.commit(no_limit);
    if (!done) {
        fmt::print(stderr, "{}\n", done.error().what);
        fmt::print(stderr, "Failed to commit transaction on db {}\n", name);
        co_return code_of(done.error());
    }
    co_return 0;
}

struct change {
    bytes key;
    bytes value;
};

async::task<int>
apply(attached& use, std::vector<change> changes, std::string_view verb, std::string shown_key) {
    const auto t = co_await begin(use);
    if (!t) {
        co_return t.error().code;
    }
    for (change& one : changes) {
        const auto done = co_await (*t)->write(std::move(one.key), std::move(one.value), no_limit);
        if (!done) {
            fmt::print(stderr, "Failed to {} record for key {}\n", verb, shown_key);
            const auto cancelled = co_await (*t)->cancel(no_limit);
            co_return code_of(done.error());
        }
    }
    co_return co_await commit(**t, use.db->name());
}

} // namespace

// The value is the same on every node, so the local file is asked; no lock is needed for one key.
run pfetch(context& ctx) {
    const auto use = co_await attach_for_transactions(ctx);
    if (!use) {
        co_return use.error().code;
    }
    auto key = data_of("key", ctx.argument(1));
    if (!key) {
        co_return key.error().code;
    }
    const auto record = co_await use->db->read_local(std::move(*key), no_limit);
    if (!record) {
        fmt::print(stderr, "Failed to read record for key {}\n", ctx.argument(1));
        co_return code_of(record.error());
    }
    const bytes data = *record ? (*record)->data : bytes();
    if (ctx.options.json) {
        json out = json_head(ctx, "pfetch");
        out["found"] = !data.empty();
        out["data"] = data.empty() ? json(nullptr) : json_data(data);
        print_json(out);
    } else {
        fmt::print("{}\n", until_nul(data));
    }
    co_return 0;
}

run pstore(context& ctx) {
    auto use = co_await attach_for_transactions(ctx);
    if (!use) {
        co_return use.error().code;
    }
    auto key = data_of("key", ctx.argument(1));
    if (!key) {
        co_return key.error().code;
    }
    auto value = data_of("value", ctx.argument(2));
    if (!value) {
        co_return value.error().code;
    }
    std::vector<change> changes(1);
    changes[0].key = std::move(*key);
    changes[0].value = std::move(*value);
    co_return co_await apply(*use, std::move(changes), "store", ctx.argument(1));
}

run pdelete(context& ctx) {
    auto use = co_await attach_for_transactions(ctx);
    if (!use) {
        co_return use.error().code;
    }
    auto key = data_of("key", ctx.argument(1));
    if (!key) {
        co_return key.error().code;
    }
    std::vector<change> changes(1);
    changes[0].key = std::move(*key);
    co_return co_await apply(*use, std::move(changes), "delete", ctx.argument(1));
}

// ---- ptrans: lines of "key" "value" ----

namespace {

// Takes a quoted word off the front; prints and fails on anything else. `rest` keeps its newline.
bool take_quoted(std::string& rest, bytes& out, std::string_view what) {
    const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    rest.erase(0, begin);
    if (rest.empty() || rest.front() != '"') {
        fmt::print(stderr, "Unsupported input format in {}\n", rest);
        return false;
    }
    const std::size_t end = rest.find('"', 1);
    if (end == std::string::npos) {
        fmt::print(stderr, "Unmatched \" in input {}\n", rest);
        return false;
    }
    auto data = data_of(what, rest.substr(1, end - 1));
    rest.erase(0, end + 1);
    if (data) {
        out = std::move(*data);
    }
    return data.has_value();
}

std::vector<change> read_changes(std::istream& in) {
    std::vector<change> out;
    std::string line;
    while (std::getline(in, line)) {
        if (!in.eof()) {
            line += '\n';
        }
        change one;
        if (take_quoted(line, one.key, "key") && take_quoted(line, one.value, "value")) {
            out.push_back(std::move(one));
        }
    }
    return out;
}

} // namespace

run ptrans(context& ctx) {
    auto use = co_await attach_for_transactions(ctx);
    if (!use) {
        co_return use.error().code;
    }
    std::vector<change> changes;
    if (ctx.arguments.size() > 1) {
        std::ifstream file(ctx.argument(1));
        if (!file) {
            fmt::print(stderr, "Failed to open file {}\n", ctx.argument(1));
            co_return 1;
        }
        changes = read_changes(file);
    } else {
        changes = read_changes(std::cin);
    }
    co_return co_await apply(*use, std::move(changes), "store", "");
}

} // namespace ctdb::tool
