// recovery_run: one recovery under way: what its steps share, and the steps of databases.md 6.4.
//
// Lives in the frame of recovery::run(); every task below belongs to that frame, so destroying it
// ends all of them. Private to this folder.
#pragma once

#include "common/async/combinators.hpp"
#include "common/async/slot.hpp"
#include "common/protocol/controls.hpp"
#include "ctdbd/database/lineage.hpp"
#include "ctdbd/recovery/credits.hpp"
#include "ctdbd/recovery/database_union.hpp"
#include "ctdbd/recovery/plan.hpp"
#include "ctdbd/recovery/recovery.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctdb::ctdbd {

template <class Reply>
struct replies {
    std::vector<pnn> nodes;
    std::vector<result<Reply>> values; // one per node
};

class recovery_run {
public:
    recovery_run(
        client::cluster_port& port,
        const recovery_request& request,
        std::uint64_t& next_address,
        const std::map<pnn, int>& held_up_before,
        record_disposal& disposal
    );

    [[nodiscard]] async::task<result<>> all_steps();
    [[nodiscard]] recovery_report finish(result<> outcome) &&;

    // ---- for database_recovery ----
    [[nodiscard]] record_disposal& disposal() noexcept { return disposal_; }
    [[nodiscard]] client::cluster_port& port() noexcept { return port_; }
    [[nodiscard]] const std::vector<pnn>& active() const noexcept { return report_.active; }
    [[nodiscard]] const protocol::vnn_map& vnn_map() const noexcept { return report_.vnn_map; }
    [[nodiscard]] const protocol::tunable_list& tunables() const noexcept { return tunables_; }
    [[nodiscard]] bool all_ours() const noexcept { return all_are_ours(capabilities_); }
    // 0: the nodes are not all ours, and upstream's conflict rule is all there is.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return report_.epoch; }
    // This recovery as a step of a database whose sequence number is `base` now.
    [[nodiscard]] lineage_step step_from(std::uint64_t base) const;
    // Where a node's copy comes from; unknown also for nodes and databases nobody spoke of.
    [[nodiscard]] lineage history_of(pnn node, db_id id) const;
    [[nodiscard]] async::time_point deadline();
    [[nodiscard]] ctdb::srvid fresh_address();
    [[nodiscard]] bool queues_are_long() const; // towards any active node
    void credit(pnn node) { credits_.add(node); }

    // Asks all `nodes` at the same time and waits for every answer.
    template <class Control>
    [[nodiscard]] async::task<replies<typename Control::reply>>
    ask(std::vector<pnn> nodes,
        typename Control::request request,
        protocol::control_flags flags = {});
    // The same where only success matters: the first failure, with `what` before it. Every node
    // that fails gets a credit.
    template <class Control>
    [[nodiscard]] async::task<result<>> tell(
        std::vector<pnn> nodes,
        typename Control::request request,
        std::string what,
        protocol::control_flags flags = {}
    );
    // Freezes a database on `nodes`. Who does not in time but answers otherwise waits for a client
    // that keeps a lock there, and gets no credit for that in the first recoveries (12.1 #28).
    [[nodiscard]] async::task<result<>> freeze(std::vector<pnn> nodes, db_id id, std::string what);
    // First failure among the answers; every failing node gets a credit.
    template <class Reply>
    [[nodiscard]] result<> judge(const replies<Reply>& answers, std::string_view what);

    // At most recovery::slots databases are collected and pushed at a time. A slot is taken by a
    // database that is frozen everywhere, so that a holder never waits for one that has none.
    class slot_holder {
    public:
        explicit slot_holder(recovery_run& run) : run_(run) {}
        slot_holder(const slot_holder&) = delete;
        slot_holder& operator=(const slot_holder&) = delete;
        ~slot_holder() { release(); }
        [[nodiscard]] async::task<> acquire();
        void release();

    private:
        recovery_run& run_;
        bool held_ = false;
    };

private:
    [[nodiscard]] async::task<result<>> find_active_nodes();
    [[nodiscard]] async::task<result<>> read_capabilities();
    [[nodiscard]] async::task<result<>> choose_generation();
    [[nodiscard]] async::task<result<std::vector<database_plan>>> read_databases();
    // The databases, and where their copies come from.
    [[nodiscard]] async::task<result<std::vector<database_plan>>> read_copies();
    void number_epoch();
    [[nodiscard]] async::task<result<>> change_epoch(); // steps 6 to 11
    [[nodiscard]] async::task<result<>> recover_databases(std::vector<database_plan> plans);
    [[nodiscard]] async::task<> recover_one(database_plan plan, result<>& outcome);
    [[nodiscard]] async::task<bool> answers_otherwise(pnn node);
    [[nodiscard]] async::task<> ban_worst();
    void note_who_is_to_blame();

    client::cluster_port& port_;
    const recovery_request& request_;
    std::uint64_t& next_address_;
    const std::map<pnn, int>& held_up_before_;
    record_disposal& disposal_;
    recovery_report report_;
    protocol::tunable_list tunables_;
    std::vector<node_capabilities> capabilities_;
    std::map<pnn, lineage_answer> lineages_;
    credit_table credits_;
    std::size_t slots_used_ = 0;
    async::notice slot_freed_;
};

template <class Control>
async::task<replies<typename Control::reply>> recovery_run::ask(
    std::vector<pnn> nodes, typename Control::request request, protocol::control_flags flags
) {
    const async::time_point limit = deadline();
    std::vector<async::task<result<typename Control::reply>>> calls;
    calls.reserve(nodes.size());
    for (const pnn node : nodes) {
        calls.push_back(client::call<Control>(port_, node, request, limit, srvid(0), flags));
    }
    replies<typename Control::reply> answers;
    answers.nodes = std::move(nodes);
    answers.values = co_await async::gather(std::move(calls));
    co_return answers;
}

template <class Reply>
result<> recovery_run::judge(const replies<Reply>& answers, std::string_view what) {
    result<> outcome;
    for (std::size_t i = 0; i < answers.nodes.size(); ++i) {
        if (answers.values[i]) {
            continue;
        }
        credit(answers.nodes[i]);
        if (outcome) {
            const error& why = answers.values[i].error();
            outcome = fail(why.code, "node {}: {}: {}", answers.nodes[i], what, why.what);
        }
    }
    return outcome;
}

template <class Control>
async::task<result<>> recovery_run::tell(
    std::vector<pnn> nodes,
    typename Control::request request,
    std::string what,
    protocol::control_flags flags
) {
    const auto answers = co_await ask<Control>(std::move(nodes), std::move(request), flags);
    co_return judge(answers, what);
}

} // namespace ctdb::ctdbd
