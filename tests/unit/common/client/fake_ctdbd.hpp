// ctdbd's client socket, as far as a client sees it: answers controls from a table, keeps what it
// was asked.
#pragma once

#include "common/protocol/controls.hpp"
#include "common/protocol/packet.hpp"
#include "common/sock/sock_daemon.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace ctdb::test {

struct fake_answer {
    std::int32_t status = 0;
    bytes data;
    std::string text;
};

class fake_ctdbd {
public:
    static constexpr pnn self{3};

    fake_ctdbd(async::event_loop& loop, const std::string& path) {
        auto made = sock::sock_daemon::listen(
            loop,
            path,
            {},
            {[this](sock::connection_id id, const sock::peer_credentials&) { last = id; },
             [this](sock::connection_id, sock::received_packet p) { received(p.view()); },
             [this](sock::connection_id, const sock::stream_end&) { ++gone; }}
        );
        EXPECT_TRUE(made) << made.error().what;
        daemon = std::move(*made);
        answer<protocol::controls::get_pnn>({static_cast<std::int32_t>(self.value), {}, {}});
    }

    template <class Control>
    void answer(fake_answer with) {
        answers[Control::opcode] = [with](const protocol::req_control&) { return with; };
    }
    template <class Control>
    [[nodiscard]] int count() const {
        const auto found = asked.find(Control::opcode);
        return found == asked.end() ? 0 : found->second;
    }
    void message(srvid address, byte_view data) {
        protocol::req_message m;
        m.srvid = address;
        m.data = data;
        send(m, reqid(0));
    }
    template <class Body>
    void send(const Body& body, reqid id) {
        protocol::packet_header header;
        header.srcnode = self;
        header.reqid = id;
        daemon->send(last, protocol::encode(header, body));
    }

    std::unique_ptr<sock::sock_daemon> daemon;
    sock::connection_id last;
    int gone = 0;
    std::map<std::uint32_t, int> asked;
    std::map<std::uint32_t, std::function<fake_answer(const protocol::req_control&)>> answers;
    std::function<void(const protocol::req_call&, reqid)> on_call;
    std::vector<std::uint64_t> messages_sent; // their addresses
    bool delivers_messages = false;           // to the client that came last

private:
    void received(byte_view whole) {
        const auto packet = protocol::decode_packet(whole);
        ASSERT_TRUE(packet) << packet.error().what;
        if (const auto* control = std::get_if<protocol::req_control>(&packet->body)) {
            ++asked[control->opcode];
            const auto found = answers.find(control->opcode);
            if (found != answers.end() && !control->flags.has(protocol::control_flag::noreply)) {
                reply(found->second(*control), packet->header.reqid);
            }
        } else if (const auto* call = std::get_if<protocol::req_call>(&packet->body)) {
            if (on_call) {
                on_call(*call, packet->header.reqid);
            }
        } else if (const auto* m = std::get_if<protocol::req_message>(&packet->body)) {
            messages_sent.push_back(m->srvid.value);
            if (delivers_messages) {
                message(m->srvid, m->data);
            }
        }
    }
    void reply(const fake_answer& with, reqid id) {
        protocol::reply_control out;
        out.status = with.status;
        out.data = with.data;
        const bytes text = to_bytes(with.text);
        out.error_text = text;
        send(out, id);
    }
};

} // namespace ctdb::test
