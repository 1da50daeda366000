#include "nodes_list.hpp"

#include "common/async/child_process.hpp"
#include "common/async/slot.hpp"
#include "common/conf/config.hpp"
#include "common/conf/scanner.hpp"
#include "common/sock/native_address.hpp"

#include <algorithm>

#include <netinet/in.h>
#include <sys/socket.h>

namespace ctdb::tool {

namespace {

constexpr std::size_t output_max = 1U << 20U;

async::task<result<std::string>>
output_of(async::event_loop& loop, std::vector<std::string> program) {
    std::string text;
    async::slot<bool> ended(loop);
    async::child_options options;
    options.argv = std::move(program);
    options.output = async::child_options::output::capture_stdout;
    options.on_output = [&text](byte_view piece) {
        if (text.size() + piece.size() <= output_max) {
            text += text_of(piece);
        }
    };
    options.on_output_end = [&ended] { ended.set(true); };
    const auto child = async::child_process::start(loop, std::move(options));
    if (!child) {
        co_return pass(child);
    }
    co_await ended.take();
    co_return text;
}

std::string_view line_of(std::string_view text, int number) {
    for (int n = 1; n < number; ++n) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t first = std::min(line.find_first_not_of(" \t"), line.size());
    return line.substr(first, line.find_last_not_of(" \t\r") + 1 - first);
}

// A wrong address in upstream's words, anything else in ours.
void complain_of_findings(
    const context& ctx, std::string_view text, const conf::parsed_nodes& parsed
) {
    for (const conf::diagnostic& finding : parsed.findings) {
        const std::string_view line = line_of(text, finding.line);
        if (protocol::parse_ip(line)) {
            ctx.complain("{}", finding.what);
        } else {
            ctx.complain("Invalid IP address {}", line);
        }
    }
}

bool is_ours(const protocol::sock_addr& address) {
    const sock::native_address native = sock::to_native(protocol::with_port(address, 0));
    const unique_fd fd(::socket(native.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
    return fd && ::bind(fd.get(), native.get(), native.length) == 0;
}

} // namespace

async::task<outcome<std::vector<conf::node_entry>>> read_nodes_list(context& ctx) {
    const auto loaded =
        conf::load(ctx.where, conf::unknown_options::warn, conf::missing_file::is_default);
    if (!loaded.settings) {
        ctx.complain("Failed to load configuration");
        co_return failure();
    }
    const conf::nodes_source source = conf::source_of_nodes(*loaded.settings);
    auto text = result<std::string>();
    if (source.is_program()) {
        text = co_await output_of(ctx.loop, source.program);
    } else {
        text = conf::read_text_file(source.file);
    }
    auto parsed = conf::parse_nodes(text.value_or(""));
    if (text) {
        complain_of_findings(ctx, *text, parsed);
    }
    if (!text || !parsed.findings.empty()) {
        const std::string_view kind = source.is_program() ? "nodes from" : "nodes file";
        ctx.complain("Failed to read {} \"{}\"", kind, source.text());
        co_return failure();
    }
    co_return std::move(parsed.nodes);
}

async::task<void> explain_no_connection(context& ctx) {
    const auto nodes = co_await read_nodes_list(ctx);
    if (nodes) {
        const bool member = std::any_of(nodes->begin(), nodes->end(), [](const auto& n) {
            return !n.deleted && is_ours(n.address);
        });
        if (member) {
            co_return;
        }
        ctx.complain("Failed to detect PNN of the current node.");
    }
    ctx.complain("Is this node part of CTDB cluster?");
}

} // namespace ctdb::tool
