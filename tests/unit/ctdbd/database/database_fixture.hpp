// database_fixture: a cluster in normal mode with a volatile and a persistent database everywhere.
#pragma once

#include "common/protocol/hash.hpp"
#include "common/protocol/record_buffer.hpp"
#include "tests/unit/ctdbd/database/fake_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::testing {

inline constexpr generation epoch{0x1111};

class database_fixture : public ::testing::Test {
protected:
    database_fixture() {
        attach("v.tdb", {});
        attach("p.tdb", protocol::db_flag::persistent);
        cluster.rt.settle();
        cluster.make_normal(epoch);
        cluster.trace.clear();
    }
    void attach(const std::string& name, protocol::db_flags kind) {
        const ctdbd::asker daemon;
        cluster[0].databases.attach(kind, name, daemon, [](const ctdbd::answer<db_id>& id) {
            ASSERT_TRUE(id) << id.error().text;
        });
    }
    ctdbd::database& db(const std::string& name, std::size_t node = 0) {
        return *cluster[node].databases.find(protocol::db_id_of(name));
    }
    void freeze(const std::string& name, std::size_t node = 0) {
        db(name, node).freeze(ctdbd::database::records::stay_valid, [](const ctdbd::answer<>& a) {
            ASSERT_TRUE(a);
        });
        cluster.rt.settle();
    }
    static ctdbd::asker own_client(std::uint32_t id = 5) {
        ctdbd::asker who;
        who.client = client_id{id};
        who.generation = epoch;
        return who;
    }
    static protocol::record_header header(std::uint64_t number, std::uint32_t dmaster) {
        protocol::record_header h;
        h.rsn = rsn{number};
        h.dmaster = pnn{dmaster};
        return h;
    }
    // One record, as UPDATE_RECORD and TRANS3_COMMIT carry it.
    static bytes buffer(
        const std::string& name, std::string_view key, std::uint64_t number, std::string_view v
    ) {
        protocol::record_buffer_writer out(protocol::db_id_of(name));
        out.append(view_of(key), header(number, 0), view_of(v));
        return out.take();
    }
    std::optional<std::string>
    value(std::size_t node, const std::string& name, std::string_view k) {
        const auto record = cluster[node].store(name).get(k);
        return record ? std::optional(record->value) : std::nullopt;
    }
    fake_cluster cluster{3};
};

} // namespace ctdb::testing
