// node_port: ctdbd's own cluster_port. Everything goes through the router, the own node included.
#pragma once

#include "common/client/cluster_port.hpp"
#include "ctdbd/routing/router.hpp"

namespace ctdb::ctdbd {

class node_port final : public client::cluster_port {
public:
    explicit node_port(router& r) : router_(r) {}

    [[nodiscard]] async::runtime& runtime() override { return router_.runtime(); }
    [[nodiscard]] pnn self() const override { return router_.self(); }
    [[nodiscard]] async::task<result<client::control_answer>>
    control(client::control_call call, async::time_point deadline) override;
    void control_without_reply(client::control_call call) override;
    // To the own node through the loop, so that messages and controls to self keep their order.
    void message(pnn to, ctdb::srvid address, byte_view data) override;
    [[nodiscard]] std::unique_ptr<client::message_subscription>
    subscribe(ctdb::srvid address, std::function<void(byte_view data)> handler) override;
    [[nodiscard]] pnn message_source() const override { return router_.message_source(); }

private:
    router& router_;
};

} // namespace ctdb::ctdbd
