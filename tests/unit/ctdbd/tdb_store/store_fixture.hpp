// A node's three database directories, agents, a factory, and other processes beside them.
#pragma once

#include "common/protocol/record_buffer.hpp"
#include "ctdbd/database/tdb_store/tdb_store_factory.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace ctdb::ctdbd::test {

using namespace ctdb::tdb::test;

inline tdb::lock_agent_settings agent_settings() {
    tdb::lock_agent_settings settings;
    settings.program = agent_program();
    return settings;
}

struct node_files {
    temporary_directory dir;
    async::event_loop loop;
    tdb::lock_agents agents{loop, agent_settings()};
    std::unique_ptr<tdb_store_factory> factory;

    node_files() {
        for (const char* name : {"volatile", "persistent", "state"}) {
            std::filesystem::create_directory(dir.file(name));
        }
    }
    [[nodiscard]] tdb_store_settings settings(bool mutexes = true) const {
        tdb_store_settings made;
        made.volatile_directory = dir.file("volatile");
        made.persistent_directory = dir.file("persistent");
        made.state_directory = dir.file("state");
        made.node = pnn{3};
        made.mutexes = mutexes;
        made.hash_size = 101;
        return made;
    }
    void start(bool mutexes = true) {
        auto made = tdb_store_factory::create(agents, settings(mutexes));
        ASSERT_TRUE(made) << made.error().what;
        factory = std::move(*made);
    }
    [[nodiscard]] std::unique_ptr<local_store>
    open(const std::string& name, store_spec::kind is) const {
        store_spec spec;
        spec.name = name;
        spec.is = is;
        auto opened = factory->open(spec);
        EXPECT_TRUE(opened) << opened.error().what;
        return opened ? std::move(*opened) : nullptr;
    }
};

// As clients see a value: 24 bytes of header and the text.
inline bytes raw_value(std::uint64_t rsn, const std::string& text) {
    protocol::record_header header;
    header.rsn = ctdb::rsn{rsn};
    return protocol::join_header(header, view_of(text));
}

} // namespace ctdb::ctdbd::test
