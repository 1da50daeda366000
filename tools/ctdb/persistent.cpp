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

outcome<> takes_transactions(const context& ctx, const known_database& which) {
    if (protocol::is_volatile(which.flags)) {
        ctx.complain(trouble::usage, "Transactions not supported on DB {}", which.name);
        return failure();
    }
    return {};
}

// Waiting for other transactions and for recoveries has no limit but -T.
constexpr auto no_limit = async::time_point::max();

async::task<outcome<std::unique_ptr<client::transaction>>>
begin(const context& ctx, attached& use) {
    auto t = co_await client::transaction::begin(*use.all, use.db, no_limit);
    if (!t) {
        ctx.complain("{}", t.error().what);
        ctx.complain("Failed to start transaction on db {}", use.db->name());
        co_return failure(code_of(t.error()));
    }
    co_return std::move(*t);
}

async::task<int> commit(const context& ctx, client::transaction& t, const std::string& name) {
    const auto done = co_await t.commit(no_limit);
    if (!done) {
        ctx.complain("{}", done.error().what);
        ctx.complain("Failed to commit transaction on db {}", name);
        co_return code_of(done.error());
    }
    co_return 0;
}

struct change {
    bytes key;
    bytes value;
};

struct change_words {
    std::string_view verb; // "store": Failed to store record for key K
    std::string key;
};

async::task<int> apply(context& ctx, attached& use, std::vector<change> changes, change_words say) {
    const auto t = co_await begin(ctx, use);
    if (!t) {
        co_return t.error().code;
    }
    for (change& one : changes) {
        const auto done = co_await (*t)->write(std::move(one.key), std::move(one.value), no_limit);
        if (!done) {
            ctx.complain("Failed to {} record for key {}", say.verb, say.key);
            const auto cancelled = co_await (*t)->cancel(no_limit);
            co_return code_of(done.error());
        }
    }
    co_return co_await commit(ctx, **t, use.db->name());
}

} // namespace

// The value is the same on every node, so the local file is asked; no lock is needed for one key.
run pfetch(context& ctx) {
    const auto use = co_await attach_named(ctx, ctx.argument(0), takes_transactions);
    if (!use) {
        co_return use.error().code;
    }
    auto key = parse_argument(ctx, "key", ctx.argument(1));
    if (!key) {
        co_return key.error().code;
    }
    const auto record = co_await use->db->read_local(std::move(*key), no_limit);
    if (!record) {
        ctx.complain("Failed to read record for key {}", ctx.argument(1));
        co_return code_of(record.error());
    }
    const bytes data = *record ? (*record)->data : bytes();
    if (ctx.json()) {
        json out = json_head(ctx, "pfetch");
        out["found"] = !data.empty();
        out["data"] = data.empty() ? json(nullptr) : json_data(data);
        print_json(ctx, out);
    } else {
        fmt::print("{}\n", until_nul(data));
    }
    co_return 0;
}

namespace {

// One transaction for the key that is the second argument; an empty value deletes.
async::task<int> write_one(context& ctx, std::string_view verb, std::string value_text) {
    auto use = co_await attach_named(ctx, ctx.argument(0), takes_transactions);
    if (!use) {
        co_return use.error().code;
    }
    auto key = parse_argument(ctx, "key", ctx.argument(1));
    auto value = key ? parse_argument(ctx, "value", value_text) : key;
    if (!value) {
        co_return value.error().code;
    }
    std::vector<change> changes(1);
    changes[0].key = std::move(*key);
    changes[0].value = std::move(*value);
    change_words say{verb, ctx.argument(1)};
    co_return co_await apply(ctx, *use, std::move(changes), std::move(say));
}

} // namespace

run pstore(context& ctx) {
    co_return co_await write_one(ctx, "store", ctx.argument(2));
}

run pdelete(context& ctx) {
    co_return co_await write_one(ctx, "delete", "");
}

// ---- ptrans: lines of "key" "value" ----

namespace {

// Takes a quoted word off the front; complains of and fails on anything else. `rest` keeps its
// newline, which is part of what upstream complains of.
bool take_quoted(const context& ctx, std::string& rest, bytes& out) {
    const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    if (begin == rest.size() || rest[begin] != '"') {
        ctx.complain("Unsupported input format in {}", rest);
        return false;
    }
    const std::size_t end = rest.find('"', begin + 1);
    if (end == std::string::npos) {
        ctx.complain("Unmatched \" in input {}", rest);
        return false;
    }
    const std::string_view line = rest;
    auto data = parse_data_in_line(line.substr(begin + 1, end - begin - 1), line.substr(end));
    if (!data) {
        ctx.complain(trouble::usage, "{}", data.error());
        return false;
    }
    out = std::move(*data);
    rest.erase(0, end + 1);
    return true;
}

std::vector<change> read_changes(const context& ctx, std::istream& in) {
    std::vector<change> out;
    std::string line;
    while (std::getline(in, line)) {
        if (!in.eof()) {
            line += '\n';
        }
        change one;
        if (take_quoted(ctx, line, one.key) && take_quoted(ctx, line, one.value)) {
            out.push_back(std::move(one));
        }
    }
    return out;
}

} // namespace

run ptrans(context& ctx) {
    auto use = co_await attach_named(ctx, ctx.argument(0), takes_transactions);
    if (!use) {
        co_return use.error().code;
    }
    std::vector<change> changes;
    if (ctx.arguments.size() > 1) {
        std::ifstream file(ctx.argument(1));
        if (!file) {
            ctx.complain("Failed to open file {}", ctx.argument(1));
            co_return 1;
        }
        changes = read_changes(ctx, file);
    } else {
        changes = read_changes(ctx, std::cin);
    }
    change_words say{"store", ""};
    co_return co_await apply(ctx, *use, std::move(changes), std::move(say));
}

} // namespace ctdb::tool
