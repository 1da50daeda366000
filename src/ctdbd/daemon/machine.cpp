#include "ctdbd/daemon/machine.hpp"

#include "common/async/child_process.hpp"
#include "common/async/slot.hpp"
#include "common/base/log.hpp"
#include "common/conf/nodes_list.hpp"
#include "common/protocol/constants.hpp"
#include "ctdbd/leadership/keeper_lock_probe.hpp"

#include <csignal>
#include <cstdio>
#include <ctime>

#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

namespace ctdb::ctdbd {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t nodes_output_max = 1U << 20U;
constexpr async::duration nodes_program_limit = 10s;
constexpr std::chrono::milliseconds lock_probe_limit{5000}; // cluster.md 4.6

// Service "ctdb"/tcp of the services database, else 4379 (cluster.md 2.1).
std::uint16_t node_port_number() {
    const servent* entry = getservbyname("ctdb", "tcp");
    return entry == nullptr ? protocol::node_port
                            : ntohs(static_cast<std::uint16_t>(entry->s_port));
}

std::vector<listed_node> with_ports(const std::vector<conf::node_entry>& entries) {
    const std::uint16_t port = node_port_number();
    std::vector<listed_node> out;
    out.reserve(entries.size());
    for (const conf::node_entry& entry : entries) {
        out.push_back({protocol::with_port(entry.address, port), entry.deleted});
    }
    return out;
}

} // namespace

machine::machine(async::event_loop& loop, const conf::config& settings, event::event_client& events)
    : loop_(loop), settings_(settings), events_(events) {}

protocol::time_value machine::wall_clock() const {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return {now.tv_sec, now.tv_nsec / 1000};
}

std::int32_t machine::process_id() const {
    return getpid();
}

bool machine::process_alive(std::int32_t pid) const {
    return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

async::task<result<int>> machine::run_event(cluster_event event) {
    std::string arguments;
    for (const std::string& argument : event.arguments) {
        arguments += (arguments.empty() ? "" : " ") + argument;
    }
    const std::chrono::seconds limit = event_timeout_ ? event_timeout_() : 30s;
    const result<event::run_outcome> outcome =
        co_await events_.run("cluster", event.name, arguments, limit);
    if (!outcome) {
        co_return pass(outcome);
    }
    if (outcome->code == ENOENT) {
        co_return 0; // no scripts of this component: nothing to do
    }
    if (!outcome->ok()) {
        log_warning("event {}: {}", event.name, outcome->reason());
    }
    co_return outcome->code;
}

async::task<result<std::vector<listed_node>>> machine::read_nodes() {
    const conf::nodes_source source = conf::source_of_nodes(settings_);
    if (!source.is_program()) {
        const auto entries = conf::load_nodes_file(source);
        if (!entries) {
            co_return pass(entries);
        }
        co_return with_ports(*entries);
    }
    const result<std::string> text = co_await run_nodes_program(source.program);
    if (!text) {
        co_return pass(text);
    }
    const auto entries = conf::check_nodes(*text, source);
    if (!entries) {
        co_return pass(entries);
    }
    co_return with_ports(*entries);
}

async::task<result<std::string>> machine::run_nodes_program(std::vector<std::string> argv) {
    const std::string name = argv.front();
    async::slot<bool> ended(loop_);
    std::string text;
    async::child_options options;
    options.argv = std::move(argv);
    options.output = async::child_options::output::capture_stdout;
    options.on_output = [&text, &ended](byte_view piece) {
        text += text_of(piece);
        if (text.size() > nodes_output_max) {
            ended.set(false);
        }
    };
    options.on_output_end = [&ended] { ended.set(true); };
    const auto child = async::child_process::start(loop_, std::move(options));
    if (!child) {
        co_return pass(child);
    }
    async::timer limit(loop_, [&ended] { ended.set(false); });
    limit.arm_in(nodes_program_limit);
    const bool complete = co_await ended.take();
    if (!complete) {
        co_return fail(ETIMEDOUT, "nodes list program {}: no complete list in 10 s", name);
    }
    if (text.empty()) {
        co_return fail(ENODATA, "nodes list program {} printed nothing", name);
    }
    co_return std::move(text);
}

async::task<result<>> machine::cluster_lock_is_taken() {
    if (lock_command_.empty()) {
        co_return result<>{};
    }
    std::vector<std::string> command = lock_command_;
    const auto outcome = co_await probe_cluster_lock(loop_, std::move(command), lock_probe_limit);
    if (outcome == probe_outcome::taken) {
        co_return fail(EPERM, "the cluster lock can be taken here although another node leads");
    }
    if (outcome == probe_outcome::failed) {
        co_return fail(EIO, "the cluster lock cannot be tried");
    }
    co_return result<>{};
}

void machine::set_log_level(std::int32_t level) {
    ctdb::set_log_level(static_cast<ctdb::log_level>(level));
    log_notice("log level is now {}", log_level_name(current_log_level()));
}

std::int32_t machine::log_level() const {
    return static_cast<std::int32_t>(current_log_level());
}

std::uint32_t machine::memory_used() const {
    std::FILE* file = std::fopen("/proc/self/statm", "re");
    if (file == nullptr) {
        return 0;
    }
    unsigned long size = 0;
    unsigned long resident = 0;
    unsigned long shared = 0;
    const int fields = std::fscanf(file, "%lu %lu %lu", &size, &resident, &shared);
    std::fclose(file);
    const auto page = static_cast<unsigned long>(sysconf(_SC_PAGESIZE));
    return fields == 3 ? static_cast<std::uint32_t>((resident - shared) * page) : 0;
}

std::string machine::memory_report() const {
    return fmt::format(
        "ctdbd private memory contains {} bytes\n{}\n", memory_used(), loop_.turns().report()
    );
}

void machine::shut_down(int exit_code, const std::string& reason) {
    shut_down_(exit_code, reason);
}

} // namespace ctdb::ctdbd
