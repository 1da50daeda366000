// record_cluster: one run: nodes, clients that increment records under their locks, things that go
// wrong, recoveries, checks after every event. Everything follows from the seed.
#pragma once

#include "tests/simulation/record/record_client.hpp"
#include "tests/simulation/record/record_model.hpp"
#include "tests/simulation/record/record_node.hpp"
#include "tests/simulation/record/record_recovery.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ctdb::simulation {

// What kind of days these are.
enum class weather : std::uint8_t {
    calm,    // delays and lock holders only: no recovery may ever be asked for
    breaks,  // connections break and nodes pause; losing a connection asks for a recovery
    storm,   // also crashes, restarts, stopped nodes
    silence, // connections break and nobody notices: only the engines' own detectors help
};

struct run_plan {
    explicit run_plan(std::uint64_t seed);
    std::uint64_t seed;
    weather kind = weather::calm;
    std::uint32_t nodes = 3;
    std::uint32_t clients_per_node = 3;
    std::uint32_t keys = 3;
    std::uint32_t chains = 3;
    std::uint32_t operations = 12; // per client
    unsigned removes_percent = 0;
    unsigned fetches_percent = 10;
    unsigned deaths_percent = 0; // of clients, per operation
    unsigned trouble = 12;       // events
    bool fetch_collapse = true;
    bool readonly = false; // with clients that only read, reads_percent of what they do
    unsigned reads_percent = 0;
    bool sticky = false;
    std::chrono::milliseconds after_revoke{1'000};
    bool keeps_dmaster = false; // recovery leaves records where they were (databases.md 12.3 S5)
    std::chrono::milliseconds resend_after{60'000};
    std::chrono::microseconds delay_max{500};
    [[nodiscard]] std::string describe() const;
};

struct run_result {
    std::optional<std::string> failure;
    std::uint64_t steps = 0;
    std::uint64_t recoveries = 0;
    std::uint64_t requested = 0; // by engines
    std::uint64_t increments = 0;
};

class record_cluster {
public:
    explicit record_cluster(const run_plan& plan);
    ~record_cluster();
    [[nodiscard]] run_result run();

    [[nodiscard]] const run_plan& plan() const noexcept { return plan_; }
    [[nodiscard]] sim_world& world() noexcept { return world_; }
    [[nodiscard]] sim_runtime& runtime() noexcept { return runtime_; } // clients, trouble
    [[nodiscard]] sim_network& network() noexcept { return network_; }
    [[nodiscard]] record_model& model() noexcept { return model_; }
    [[nodiscard]] std::map<pnn, std::unique_ptr<record_node>>& nodes() noexcept { return nodes_; }
    [[nodiscard]] record_node* node(pnn id);
    // On active nodes whose database is of a valid generation (or of the one given).
    [[nodiscard]] std::vector<copy>
    copies(byte_view key, std::optional<ctdb::generation> only = std::nullopt) const;

    void trace(const std::string& line) const; // what happens, for the reader of a replay
    void connection_lost();
    void recovery_requested(std::string_view reason);
    void client_died(pnn node, std::uint32_t operations_left); // another takes its place
    [[nodiscard]] client_id next_client() noexcept { return client_id{++last_client_}; }

private:
    void start_node(pnn id);
    void add_client(pnn node, std::uint32_t operations);
    void make_trouble();
    void commit(pnn id);
    void crash(pnn id);
    void pause(pnn id);
    void stop(pnn id);
    void break_link();
    void later(std::chrono::microseconds delay, std::function<void()> what);
    [[nodiscard]] bool work_done() const;
    void check_event();
    void check_quiescent();
    void check_key_at_rest(byte_view key);

    const run_plan plan_;
    sim_world world_;
    sim_network network_;
    record_model model_;
    sim_runtime runtime_;
    std::uint64_t lives_ = 0;
    std::map<pnn, std::unique_ptr<record_node>> nodes_;
    std::list<record_client> clients_;
    record_recovery recovery_;
    std::list<async::timer> jobs_;
    async::timer trouble_;
    unsigned troubles_left_;
    std::uint64_t requested_ = 0;
    std::string last_reason_;
    std::uint32_t last_client_ = 0;
};

} // namespace ctdb::simulation
