// One engine on a memory_store in a world of its own; what it sends is written down in words.
#pragma once

#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/record/call_routes.hpp"
#include "ctdbd/database/record/record_engine.hpp"
#include "tests/simulation/support/memory_store.hpp"
#include "tests/simulation/support/sim_world.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::ctdbd {

class engine_fixture : public testing::Test, public record_outputs, public record_events {
protected:
    using memory_store = simulation::memory_store;
    static constexpr pnn me{1};
    static constexpr pnn peer{2};
    static constexpr pnn third{3};
    static constexpr generation current{700};
    static constexpr client_id smbd{10};

    engine_fixture() { make_engine(true); }
    ~engine_fixture() override { engine_.reset(); }

    void make_engine(bool fetch_collapse, database_kind kind = database_kind::volatile_db) {
        engine_.reset();
        record_settings settings;
        settings.me = me;
        settings.db = db_id{0xdb};
        settings.name = "test.tdb";
        settings.kind = kind;
        settings.tunables.fetch_collapse = fetch_collapse;
        engine_ = std::make_unique<record_engine>(store_, rt_, *this, *this, routes_, settings);
        lmasters({me, peer, third});
        engine_->set_generation(current);
    }
    void lmasters(std::vector<pnn> map) {
        map_ = protocol::vnn_map{current, std::move(map)};
        engine_->set_vnn_map(map_);
    }
    // A key whose location master is `node`.
    [[nodiscard]] std::string key_of(pnn node, std::string stem = "key") const {
        for (int i = 0;; ++i) {
            std::string key = stem + std::to_string(i);
            if (protocol::lmaster_of(map_, view_of(key)) == node) {
                return key;
            }
        }
    }

    // ---- the file ----
    void have(
        const std::string& key,
        pnn dmaster,
        std::uint64_t r,
        std::string_view data,
        protocol::record_flags flags = {}
    ) {
        protocol::record_header header;
        header.rsn = rsn{r};
        header.dmaster = dmaster;
        header.flags = flags;
        file_->write(view_of(key), protocol::join_header(header, view_of(data)));
    }
    [[nodiscard]] std::optional<protocol::record_header> header(const std::string& key) const {
        const bytes* value = file_->find(view_of(key));
        return value == nullptr ? std::nullopt : std::optional(*protocol::header_of(*value));
    }
    [[nodiscard]] std::string data(const std::string& key) const {
        const bytes* value = file_->find(view_of(key));
        return value == nullptr ? "no record"
                                : std::string(text_of(protocol::data_after_header(*value)));
    }

    // ---- what comes in ----
    void client_calls(
        const std::string& key,
        std::uint32_t id,
        client_id client = smbd,
        protocol::call_id call = protocol::call_id::null,
        protocol::call_flags flags = protocol::call_flag::immediate_migration
    ) {
        protocol::req_call body;
        body.flags = flags;
        body.db_id = db_id{0xdb};
        body.call_id = call;
        body.key = view_of(key);
        engine_->client_call(client, reqid{id}, body);
    }
    [[nodiscard]] static protocol::packet_header
    from(pnn source, std::uint32_t id, generation g = current) {
        protocol::packet_header h;
        h.generation = g;
        h.destnode = me;
        h.srcnode = source;
        h.reqid = reqid{id};
        return h;
    }
    void node_calls(
        const std::string& key, pnn source, std::uint32_t id, pnn via, std::uint32_t hops = 0
    ) {
        protocol::req_call body;
        body.db_id = db_id{0xdb};
        body.hopcount = hops;
        body.key = view_of(key);
        engine_->receive(via, from(source, id), body);
    }
    void node_calls(const std::string& key, pnn source, std::uint32_t id) {
        node_calls(key, source, id, source);
    }
    void record_comes(
        const std::string& key,
        std::uint32_t id,
        std::uint64_t r,
        std::string_view value,
        protocol::record_flags flags = {}
    ) {
        protocol::reply_dmaster body;
        body.db_id = db_id{0xdb};
        body.rsn = rsn{r};
        body.key = view_of(key);
        body.data = view_of(value);
        body.flags = flags;
        engine_->receive(from(peer, id), body);
    }
    void given_away(
        const std::string& key,
        pnn source,
        std::uint32_t id,
        pnn to,
        std::uint64_t r,
        std::string_view value
    ) {
        protocol::req_dmaster body;
        body.db_id = db_id{0xdb};
        body.rsn = rsn{r};
        body.dmaster = to;
        body.key = view_of(key);
        body.data = view_of(value);
        body.flags = protocol::record_flags{};
        engine_->receive(from(source, id), body);
    }
    // Comes back what the engine sent to itself.
    void deliver_own() {
        for (auto& [h, body, key] : std::exchange(own_, {})) {
            body.key = view_of(key);
            engine_->receive(me, h, body);
        }
    }
    void freeze() {
        store_.freeze([this](result<>) { engine_->frozen(); });
        turn();
    }
    void thaw() {
        store_.thaw();
        engine_->thawed();
    }
    void turn() { // everything that is due now
        while (world_.step(world_.now())) {
        }
    }
    void pass(std::chrono::microseconds time) {
        bool reached = false;
        simulation::sim_runtime clock(world_);
        async::timer at(clock, [&reached] { reached = true; });
        at.arm_in(time);
        while (!reached) {
            ASSERT_TRUE(world_.step());
        }
        turn();
    }
    [[nodiscard]] std::vector<std::string> said() { return std::exchange(said_, {}); }

    // ---- what goes out ----
    bool send(const protocol::packet_header& h, const protocol::req_call& b) override {
        say("call {} of {} to {} hop {}{}", h.reqid, h.srcnode, h.destnode, b.hopcount, when(h));
        last_id_ = h.reqid.value;
        if (h.destnode == me) {
            own_.push_back({h, b, std::string(text_of(b.key))});
        }
        return !unreachable_.contains(h.destnode);
    }
    bool send(const protocol::packet_header& h, const protocol::req_dmaster& b) override {
        say("req_dmaster {} to {}: {} gets rsn {} '{}' flags {:x}{}",
            h.reqid,
            h.destnode,
            b.dmaster,
            b.rsn,
            text_of(b.data),
            b.flags.value().value,
            when(h));
        return !unreachable_.contains(h.destnode);
    }
    bool send(const protocol::packet_header& h, const protocol::reply_dmaster& b) override {
        say("reply_dmaster {} to {}: rsn {} '{}' flags {:x}{}",
            h.reqid,
            h.destnode,
            b.rsn,
            text_of(b.data),
            b.flags.value().value,
            when(h));
        return !unreachable_.contains(h.destnode);
    }
    bool send(const protocol::packet_header& h, const protocol::reply_error& b) override {
        say("error {} to {}: {}", h.reqid, h.destnode, protocol::text_until_nul(b.message));
        return !unreachable_.contains(h.destnode);
    }
    bool send(const protocol::packet_header& h, const protocol::reply_call& b) override {
        const auto copied = protocol::header_of(b.data);
        say("reply_call {} to {}: rsn {} flags {:x} '{}'",
            h.reqid,
            h.destnode,
            copied->rsn,
            copied->flags.value,
            text_of(protocol::data_after_header(b.data)));
        return !unreachable_.contains(h.destnode);
    }
    bool send_update(pnn to, db_id, std::uint64_t ticket, bytes record_buffer) override {
        ticket_ = ticket;
        EXPECT_TRUE(protocol::for_each_record(
            record_buffer,
            [&](byte_view, const protocol::record_header& h, byte_view value) {
                say("update to {}: rsn {} flags {:x} '{}'", to, h.rsn, h.flags.value, text_of(value)
                );
                return true;
            }
        ));
        return !unreachable_.contains(to);
    }
    void reply_to_client(
        client_id c, reqid id, std::int32_t status, byte_view head, byte_view value
    ) override {
        say("client {} call {} status {}: {} head, '{}'", c, id, status, head.size(), text_of(value)
        );
    }
    void refuse_client(client_id c, reqid id, std::int32_t, std::string_view) override {
        say("client {} call {} refused", c, id);
    }
    void request_recovery(std::string_view reason) override { say("recovery: {}", reason); }
    void packet_dropped(std::string_view) override { ++dropped_; }
    void deletion_candidate(db_id, byte_view key, const protocol::record_header&) override {
        candidates_.emplace_back(text_of(key));
    }

    template <class... Args>
    void say(fmt::format_string<Args...> format, Args&&... args) {
        said_.push_back(fmt::format(format, std::forward<Args>(args)...));
    }
    [[nodiscard]] static std::string when(const protocol::packet_header& h) {
        return h.generation == current ? "" : fmt::format(" generation {}", h.generation);
    }

    struct own_packet {
        protocol::packet_header header;
        protocol::req_call body;
        std::string key;
    };
    simulation::sim_world world_{1};
    simulation::sim_runtime rt_{world_};
    std::shared_ptr<simulation::memory_file> file_ =
        std::make_shared<simulation::memory_file>(1U); // all keys share the chain
    memory_store store_{file_, rt_, "test"};
    request_ids ids_{99}; // the first id is 100
    call_routes routes_{ids_};
    std::unique_ptr<record_engine> engine_;
    protocol::vnn_map map_;
    std::vector<std::string> said_;
    std::vector<own_packet> own_;
    std::vector<std::string> candidates_;
    std::set<pnn> unreachable_;
    std::uint32_t last_id_ = 0;
    std::uint64_t ticket_ = 0; // of the last UPDATE_RECORD
    int dropped_ = 0;
};

// A client process that holds the lock.
class lock_holder {
public:
    lock_holder(simulation::memory_file& file, const std::string& key)
        : file_(file), chain_(file.chain_of(view_of(key))) {
        EXPECT_TRUE(file_.try_lock(chain_, owner_));
    }
    lock_holder(const lock_holder&) = delete;
    lock_holder& operator=(const lock_holder&) = delete;
    ~lock_holder() { file_.unlock(chain_, owner_); }

private:
    simulation::memory_file& file_;
    std::uint32_t chain_;
    simulation::lock_owner owner_ = simulation::memory_file::new_owner();
};

} // namespace ctdb::ctdbd
