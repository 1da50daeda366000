#include "common/provider/provider_client.hpp"
#include "common/sock/sock_daemon.hpp"
#include "tests/unit/common/sock/test_loop.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;
using namespace ctdb::provider;
using test::run_until;

// ctdbd's end, as far as a provider sees it.
class fake_ctdbd {
public:
    fake_ctdbd(async::event_loop& loop, const std::string& path) {
        auto made = sock::sock_daemon::listen(
            loop,
            path,
            {},
            {[this](sock::connection_id id, const sock::peer_credentials&) { last = id; },
             [this](sock::connection_id, sock::received_packet p) {
                 auto decoded = decode(p.view());
                 ASSERT_TRUE(decoded) << decoded.error().what;
                 got.push_back(std::move(*decoded));
             },
             nullptr}
        );
        EXPECT_TRUE(made);
        daemon = std::move(*made);
    }
    void send(std::uint32_t number, const message& m) { daemon->send(last, encode(number, m)); }
    template <class M>
    [[nodiscard]] const M* find() const {
        for (const packet& p : got) {
            if (const M* m = std::get_if<M>(&p.message)) {
                return m;
            }
        }
        return nullptr;
    }
    std::unique_ptr<sock::sock_daemon> daemon;
    sock::connection_id last;
    std::vector<packet> got;
};

async::task<answer> echo(request what) {
    answer out;
    out.status = static_cast<std::int32_t>(what.opcode);
    out.data = std::move(what.data);
    co_return out;
}

class ProviderClient : public testing::Test {
protected:
    void start() {
        ctdbd_ = std::make_unique<fake_ctdbd>(loop_, path_);
        identity who{"failoverd", {88}, {srvid(5)}};
        provider_client::handlers handlers;
        handlers.serve = echo;
        handlers.on_event = [this](message m) { return seen(this, std::move(m)); };
        handlers.on_lost = [this](const error& e) { lost_.push_back(e.code); };
        handlers.on_client_gone = [this](const client_gone& who_left) { left_ = who_left.pid; };
        client_ = std::make_unique<provider_client>(loop_, path_, who, handlers);
        ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_->find<register_provider>() != nullptr; }));
    }
    void admit(std::uint32_t silence_limit_ms = 4000) {
        registered terms;
        terms.self = pnn(3);
        terms.silence_limit_ms = silence_limit_ms;
        ctdbd_->send(1, terms);
        ASSERT_TRUE(run_until(loop_, [&] { return client_->is_registered(); }));
    }
    static async::task<acknowledge> seen(ProviderClient* self, message m) {
        self->events_.push_back(std::move(m));
        acknowledge out;
        out.status = 7;
        co_return out;
    }
    test::temp_dir dir_;
    std::string path_ = dir_.file("provider");
    async::event_loop loop_;
    std::vector<message> events_;
    std::vector<int> lost_;
    int left_ = 0;
    std::unique_ptr<fake_ctdbd> ctdbd_;
    std::unique_ptr<provider_client> client_;
};

TEST_F(ProviderClient, RegistersServesAndAcknowledges) {
    start();
    const auto* hello = ctdbd_->find<register_provider>();
    EXPECT_EQ("failoverd", hello->name);
    EXPECT_EQ(std::vector<std::uint32_t>{88}, hello->opcodes);
    admit();
    EXPECT_EQ(pnn(3), client_->self());

    request what;
    what.opcode = 88;
    what.data = to_bytes("x");
    ctdbd_->send(500, what);
    ctdbd_->send(501, activity_changed{true, {}});
    ctdbd_->send(0, leader_changed{pnn(1), 1, false});
    ctdbd_->send(0, client_gone{client_id(1), 99});
    ctdbd_->send(0, heartbeat{});
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_->find<heartbeat>() != nullptr; }));
    EXPECT_EQ(88, ctdbd_->find<answer>()->status);
    EXPECT_EQ(7, ctdbd_->find<acknowledge>()->status);
    EXPECT_EQ(500U, ctdbd_->got[1].number);
    EXPECT_EQ(501U, ctdbd_->got[2].number);
    EXPECT_EQ(4U, ctdbd_->got.size()) << "an event without number is not acknowledged";
    EXPECT_EQ(2U, events_.size());
    EXPECT_EQ(99, left_);
}

TEST_F(ProviderClient, ComesBackAndPushesAgainWhatItHadPushed) {
    start();
    admit();
    client_->push(set_health{true, "fine"});
    client_->push(set_holding{2});
    client_->push(publish_answer{90, to_bytes("list")});
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_->find<publish_answer>() != nullptr; }));
    ctdbd_->got.clear();
    ctdbd_->daemon->close(ctdbd_->last);
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_->find<register_provider>() != nullptr; }));
    EXPECT_EQ(std::vector<int>{ENOTCONN}, lost_);
    EXPECT_FALSE(client_->is_registered());
    admit();
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_->find<publish_answer>() != nullptr; }));
    EXPECT_TRUE(ctdbd_->find<set_health>()->healthy);
    EXPECT_EQ(2U, ctdbd_->find<set_holding>()->count);
}

TEST_F(ProviderClient, TakesASilentCtdbdForLost) {
    start();
    admit(30);
    ASSERT_TRUE(run_until(loop_, [&] { return !lost_.empty(); }));
    EXPECT_EQ(ETIMEDOUT, lost_[0]);
}

TEST_F(ProviderClient, LeavesOnGarbageAndComesBack) {
    start();
    admit();
    ctdbd_->got.clear();
    writer junk;
    junk.put(std::uint32_t{20});
    junk.put_zeros(16);
    ctdbd_->daemon->send(ctdbd_->last, junk.take());
    ASSERT_TRUE(run_until(loop_, [&] { return ctdbd_->find<register_provider>() != nullptr; }));
    EXPECT_EQ(std::vector<int>{EBADMSG}, lost_);
}

TEST_F(ProviderClient, WaitsForACtdbdThatIsNotThereYet) {
    identity who{"serviced", {}, {}};
    provider_client::handlers handlers;
    handlers.on_event = [this](message m) { return seen(this, std::move(m)); };
    client_ = std::make_unique<provider_client>(loop_, path_, who, handlers);
    loop_.run_once();
    ctdbd_ = std::make_unique<fake_ctdbd>(loop_, path_);
    EXPECT_TRUE(run_until(loop_, [&] { return ctdbd_->find<register_provider>() != nullptr; }));
}

} // namespace
