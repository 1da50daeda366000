#include "common/provider/messages.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using namespace ctdb::provider;

// One of each kind, no field at its default.
std::vector<message> samples() {
    protocol::node_map map;
    map.nodes.resize(3);
    map.nodes[1].pnn = pnn(1);
    map.nodes[1].flags = protocol::node_flag::banned;
    protocol::tunable_list tunables;
    tunables[protocol::tunable_id::control_timeout] = 77;
    const origin from{client_id(7), 4711, pnn(2)};
    return {
        register_provider{1, "failoverd", 42, {88, 89, 90}, {srvid(0xFB00000000000000)}},
        answer{-1, to_bytes("data"), "because"},
        acknowledge{5, "not now"},
        set_health{true, "all well"},
        publish_answer{90, to_bytes("list")},
        set_holding{3},
        registered{1, "no", pnn(2), 500, 2500},
        request{from, protocol::control_flag::noreply, 88, srvid(9), to_bytes("payload")},
        deliver{srvid(0xFB00000000000000), pnn(1), to_bytes("m")},
        client_gone{client_id(7), 4711},
        node_map_changed{map, true},
        activity_changed{true, protocol::node_flag::stopped},
        leader_changed{pnn(1), 12, true},
        recovery_changed{true, generation(99)},
        run_state_changed{protocol::run_state::running},
        start_services{},
        shutting_down{shutdown_phase::stop_services},
        tunables_changed{tunables},
        heartbeat{250},
    };
}

TEST(ProviderMessages, ComeBackAsTheyWereSent) {
    const auto all = samples();
    ASSERT_EQ(std::variant_size_v<message>, all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(i, all[i].index());
        const auto back = decode(encode(1234, all[i]));
        ASSERT_TRUE(back) << name_of(all[i]) << ": " << back.error().what;
        EXPECT_EQ(1234U, back->number);
        EXPECT_EQ(all[i], back->message) << name_of(all[i]);
    }
}

TEST(ProviderMessages, CutAnywhereAreRefused) {
    for (const message& m : samples()) {
        bytes whole = encode(1, m);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(decode(cut)) << name_of(m) << " cut at " << size;
            if (size >= 16) { // and with a length that agrees
                const auto length = static_cast<std::uint32_t>(size);
                std::memcpy(cut.data(), &length, sizeof(length));
                EXPECT_FALSE(decode(cut)) << name_of(m) << " shortened to " << size;
            }
        }
    }
}

TEST(ProviderMessages, WithAnyBitFlippedAreParsedOrRefusedButNeverHarmful) {
    for (const message& m : samples()) {
        bytes whole = encode(1, m);
        for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
            const auto mask = static_cast<std::byte>(1U << (bit % 8));
            whole[bit / 8] ^= mask;
            if (const auto parsed = decode(whole); parsed) {
                EXPECT_GE(whole.size(), encode(parsed->number, parsed->message).size());
            }
            whole[bit / 8] ^= mask;
        }
    }
}

TEST(ProviderMessages, OfAnotherVersionAreNamedAsSuch) {
    bytes whole = encode(1, heartbeat{});
    whole[4] = std::byte{9};
    const auto back = decode(whole);
    ASSERT_FALSE(back);
    EXPECT_EQ("provider protocol 9, expected 1", back.error().what);
}

TEST(ProviderMessages, ALongListOfOpcodesIsRefused) {
    register_provider hello;
    hello.opcodes.resize(opcodes_max);
    EXPECT_TRUE(decode(encode(1, hello)));
    hello.opcodes.resize(opcodes_max + 1);
    EXPECT_FALSE(decode(encode(1, hello)));
}

} // namespace
