#include "failoverd/failover_node.hpp"

#include "common/base/log.hpp"
#include "common/protocol/controls.hpp"
#include "common/protocol/messages.hpp"

#include <algorithm>

namespace ctdb::failoverd {

namespace {

namespace opt = conf::options;
using protocol::tunable_id;
using namespace std::chrono_literals;

constexpr async::duration kernel_check = 1s;
constexpr async::duration reconnect_pause = 100ms;
constexpr async::duration introduction = 5s;  // a node that has just come says soon what it is
constexpr async::duration change_batch = 5ms; // one look for many notifications
constexpr int monitor_failures_max = 2;       // intervals for which an old result counts

std::chrono::milliseconds seconds_of(const conf::config& c, const conf::integer_option& which) {
    return std::chrono::seconds(c.get(which));
}

std::string epoch_file(const conf::config& c) {
    return c.where().run + "/failover/epoch";
}

struct remembered {
    epoch accepted = 0;
    item_set share;
};

// `epoch E`, then the share of this node, one item a line.
remembered recall(const conf::config& c) {
    remembered r;
    const auto lines = read_items(epoch_file(c));
    for (const item_line& line : lines ? *lines : std::vector<item_line>{}) {
        if (line.name == "epoch" && !line.words.empty()) {
            r.accepted = std::strtoull(line.words.front().c_str(), nullptr, 10);
        } else {
            r.share.insert(line.name);
        }
    }
    return r;
}

std::vector<std::uint32_t> served_opcodes() {
    namespace controls = protocol::controls;
    return {
        controls::send_gratuitous_arp::opcode,
        controls::add_public_ip::opcode,
        controls::del_public_ip::opcode,
        controls::release_ip::opcode,
        controls::takeover_ip::opcode,
        controls::get_public_ips::opcode,
        controls::get_public_ip_info::opcode,
        controls::get_ifaces::opcode,
        controls::set_iface_link_state::opcode,
        controls::reload_public_ips::opcode,
        controls::ip_reallocated::opcode,
        controls::start_ip_reallocate::opcode};
}

std::vector<srvid> served_messages() {
    using namespace protocol::srvids;
    return {takeover_run, rebalance_node, disable_takeover_runs, disable_ip_check};
}

} // namespace

failover_node::failover_node(
    async::event_loop& loop, conf::config settings, std::function<void()> leave
)
    : loop_(loop), settings_(std::move(settings)), leave_(std::move(leave)),
      disabled_(settings_.get(opt::failover_disabled)), addresses_(settings_.where().test_mode),
      events_(loop, settings_.where().socket("eventd")),
      executor_(
          loop,
          settings_.where().run,
          events_,
          addresses_,
          [this](srvid address, byte_view data) { tell_local(address, data); }
      ),
      leads_(*this, run_settings()), member_(*this, unknown_pnn, recall(settings_).accepted),
      authority_(authority_settings()), read_inbox_(
                                            loop,
                                            [this] {
                                                std::deque<std::pair<pnn, message>> now_here;
                                                now_here.swap(inbox_);
                                                for (const auto& [from, m] : now_here) {
                                                    dispatch(from, m);
                                                }
                                            }
                                        ),
      status_soon_(loop, [this] { send_status(); }), tick_(loop, [this] { pump(); }),
      beat_(loop, [this] { beat(); }), renewal_(loop, [this] { renew(); }),
      verify_soon_(loop, [this] { verify(); }),
      strangers_told_(
          loop,
          [] {
              log_warning("nodes of another implementation are active: this node moves no addresses"
              );
          }
      ),
      changed_(loop),
      ctdbd_(
          loop,
          settings_.where().provider_socket(),
          provider::identity{"failoverd", served_opcodes(), served_messages()},
          provider::provider_client::handlers{
              [this](provider::request what) { return serve(std::move(what)); },
              [this](provider::message event) { return on_event(std::move(event)); },
              [this](const provider::deliver& what) { on_message(what); },
              {},
              [this](const provider::registered& terms) { registered(terms); },
              [this](const provider::heartbeat& sign) {
                  if (sign.lock_verified_ms != provider::heartbeat::never) {
                      const std::chrono::milliseconds age(sign.lock_verified_ms);
                      authority_.lock_verified(loop_.now() - age);
                  }
              },
              [this](const error& why) { lost(why); }}
      ),
      tasks_(loop) {
    executor_.set({lease()});
    leads_.set_key(loop_.random() | 1U);
}

failover_node::~failover_node() = default;

result<> failover_node::start() {
    const std::string run = settings_.where().run;
    if (const auto made = make_run_directory(run, "monitor"); !made) {
        return pass(made);
    }
    auto loaded = conf::load_public_addresses(settings_.where().public_addresses_file());
    if (!loaded) {
        return pass(loaded);
    }
    addresses_.configure(std::move(*loaded));
    if (const auto opened = addresses_.open(); !opened) {
        return opened;
    }
    auto watch = netlink::change_watch::start(loop_, [this] {
        if (settings_.get(opt::event_driven_monitoring)) {
            verify_soon_.arm_in(change_batch);
        }
    });
    if (!watch) {
        return pass(watch);
    }
    watch_ = std::move(*watch);
    // Leftovers of an earlier life: what the accepted plan gave us and the kernel still has is
    // ours (its lease has not run out), everything else goes.
    item_set strangers = without(addresses_.held(), recall(settings_).share);
    if (!disabled_ && !strangers.empty()) {
        log_notice("removing {} addresses of an earlier life", strangers.size());
        addresses_.release(strangers);
    }
    last_renewal_ = loop_.now();
    renewal_.arm_in(0ms);
    beat_.arm_in(0ms);
    verify_soon_.arm_in(kernel_check);
    tasks_.spawn(keep_monitoring());
    tasks_.spawn(keep_client());
    publish();
    return {};
}

void failover_node::set(conf::config settings) {
    settings_ = std::move(settings);
    executor_.set({lease()});
    leads_.set(run_settings());
    authority_.set(authority_settings());
}

std::chrono::seconds failover_node::lease() const {
    return std::chrono::seconds(settings_.get(opt::address_lease));
}

coordinator_settings failover_node::run_settings() const {
    coordinator_settings s;
    s.prepare_limit = seconds_of(settings_, opt::prepare_timeout);
    s.release_limit = seconds_of(settings_, opt::release_timeout);
    s.take_limit = seconds_of(settings_, opt::take_timeout);
    s.finalise_limit = seconds_of(settings_, opt::finalise_timeout);
    s.authority_timeout = seconds_of(settings_, opt::authority_timeout);
    s.lease = lease();
    s.probe = settings_.get(opt::probe);
    return s;
}

authority_rule::settings failover_node::authority_settings() const {
    return {seconds_of(settings_, opt::authority_timeout), lease()};
}

// ---- ctdbd ----

void failover_node::registered(const provider::registered& terms) {
    if (self_ != terms.self) {
        self_ = terms.self;
        const remembered before = recall(settings_);
        plan old;
        for (const item& which : before.share) {
            old[which] = self_;
        }
        member_.become(self_);
        member_.adopt(old);
    }
    log_notice("registered with ctdbd as node {}", self_);
    authority_.ctdbd_is(true, loop_.now());
    events_.connect();
    changed_.notify();
}

void failover_node::lost(const error& why) {
    authority_.ctdbd_is(false, loop_.now());
    leads_.stop_leading();
    leader_ = unknown_pnn;
    active_ = false;
    authority_.active_is(false);
    // What a script is still doing we cannot vouch for.
    const bool certain = !member_.busy();
    release_everything("ctdbd is gone: " + why.what);
    if (last_word_ && certain && kernel_holds().empty()) {
        std::vector<protocol::sock_addr> others;
        for (const auto& [node, address] : node_addresses_) {
            if (node != self_) {
                others.push_back(address);
            }
        }
        last_word_->say(others, released_all{self_, member_.key()});
    }
    requesters_.clear();
    if (leave_with_ctdbd_) {
        leave_();
    }
    changed_.notify();
}

void failover_node::release_everything(const std::string& why) {
    look();
    const item_set all = disabled_ ? item_set{} : addresses_.held();
    if (!all.empty()) {
        log_notice("releasing {} addresses: {}", all.size(), why);
        executor_.tell_each(protocol::srvids::release_ip, all);
        addresses_.release(all);
    }
    member_.drop();
    status_soon_.schedule();
}

async::task<provider::acknowledge> failover_node::on_event(provider::message event) {
    if (const auto* map = std::get_if<provider::node_map_changed>(&event)) {
        node_map_is(*map);
    } else if (const auto* leader = std::get_if<provider::leader_changed>(&event)) {
        leader_is(*leader);
    } else if (const auto* state = std::get_if<provider::run_state_changed>(&event)) {
        run_state_ = state->state;
        status_soon_.schedule();
    } else if (const auto* activity = std::get_if<provider::activity_changed>(&event)) {
        active_ = activity->active;
        own_flags_ = activity->flags;
        authority_.active_is(active_);
        if (!active_) {
            release_everything("the node is inactive");
        }
        status_soon_.schedule();
    } else if (const auto* tunables = std::get_if<provider::tunables_changed>(&event)) {
        tunables_ = tunables->tunables;
    } else if (const auto* phase = std::get_if<provider::shutting_down>(&event)) {
        if (phase->phase == provider::shutdown_phase::leaving) {
            co_return co_await leave_cluster();
        }
        if (phase->phase == provider::shutdown_phase::ending) {
            release_everything("ctdbd ends");
        }
    }
    changed_.notify();
    pump();
    co_return provider::acknowledge{};
}

void failover_node::node_map_is(const provider::node_map_changed& event) {
    std::map<pnn, node_state> nodes;
    for (const protocol::node_and_flags& n : event.map.nodes) {
        node_state s;
        s.deleted = n.flags.has(protocol::node_flag::deleted);
        s.connected = protocol::is_connected(n.flags);
        s.active = !protocol::is_inactive(n.flags);
        nodes[n.pnn] = s;
        node_addresses_[n.pnn] = n.address;
        if (n.pnn == self_) {
            own_flags_ = n.flags;
        }
    }
    if (event.all_ours) {
        strangers_told_.cancel();
    } else if (all_ours_) {
        strangers_told_.arm_in(introduction);
    }
    all_ours_ = event.all_ours;
    open_last_word();
    leads_.nodes_are(std::move(nodes), loop_.now());
    status_soon_.schedule();
}

void failover_node::open_last_word() {
    const auto own = node_addresses_.find(self_);
    if (last_word_ || own == node_addresses_.end()) {
        return;
    }
    auto heard = [this](const released_all& what, const protocol::sock_addr& from) {
        const auto node = node_addresses_.find(what.origin);
        if (node != node_addresses_.end() && protocol::same_ip(node->second, from)) {
            leads_.has_released_all(what.origin, what.key, loop_.now());
            if (what.key == member_.key()) {
                leads_.has_released_all_before(what.origin, loop_.now());
            }
            pump();
        }
    };
    auto opened = last_word::open(loop_, own->second, std::move(heard));
    if (opened) {
        last_word_ = std::move(*opened);
    } else {
        log_info("without last words of nodes: {}", opened.error().what);
    }
}

void failover_node::leader_is(const provider::leader_changed& event) {
    leader_ = event.leader;
    lock_configured_ = event.lock_configured;
    const bool lead = leader_ == self_ && self_ != unknown_pnn;
    authority_.leading_is(lead, lock_configured_);
    if (lead) {
        authority_.lock_verified(loop_.now()); // it has just been taken
        leads_.lead(member_.accepted(), loop_.now());
    } else {
        leads_.stop_leading();
    }
    status_soon_.schedule();
}

// Nothing is available here any more; the leader's run takes what we hold. Ends when it is gone.
async::task<provider::acknowledge> failover_node::leave_cluster() {
    leaving_ = true;
    send_status();
    const auto limit = seconds_of(settings_, opt::shutdown_failover_timeout);
    const async::time_point deadline = loop_.now() + std::max(limit - 500ms, 100ms);
    async::timer wake(loop_, [this] { changed_.notify(); });
    wake.arm(deadline);
    while (loop_.now() < deadline && !addresses_.held().empty()) {
        co_await changed_.wait();
    }
    release_everything("the node leaves the cluster");
    co_return provider::acknowledge{};
}

async::task<void> failover_node::keep_client() {
    for (;;) {
        if (ctdbd_.is_registered() && (!client_ || !client_->connected())) {
            tunnel_.reset();
            const auto deadline = loop_.now() + 5s;
            client::client::end_handler ended = [this](const sock::stream_end&) {
                changed_.notify();
            };
            std::string path = settings_.where().socket("ctdbd");
            auto connected = co_await client::client::connect(
                loop_, std::move(path), deadline, std::move(ended)
            );
            if (connected) {
                client_ = std::move(*connected);
                client::client::tunnel_handler handler =
                    [this](protocol::tunnel_flags, byte_view data) { from_tunnel(data); };
                auto tunnel =
                    co_await client_->open_tunnel(tunnel_id, std::move(handler), deadline);
                if (tunnel) {
                    tunnel_ = std::move(*tunnel);
                    status_soon_.schedule();
                } else {
                    log_warning("no tunnel to other nodes: {}", tunnel.error().what);
                    client_.reset();
                }
            }
            co_await async::sleep_for(loop_, reconnect_pause);
            continue;
        }
        co_await changed_.wait();
    }
}

void failover_node::tell_local(srvid address, byte_view data) {
    if (client_ && client_->connected()) {
        client_->message(self_, address, data);
        client_->flush();
    }
}

void failover_node::reply_message(pnn to, srvid address, std::int32_t value) {
    if (client_ && client_->connected() && address.value != 0) {
        client_->message(to, address, protocol::encode(value));
        client_->flush();
    }
}

void failover_node::on_message(const provider::deliver& what) {
    if (what.srvid == protocol::srvids::takeover_run) {
        const auto who = protocol::decode<protocol::srvid_message>(what.data);
        if (who) {
            takeover_wanted(*who);
        }
    } else if (what.srvid == protocol::srvids::disable_takeover_runs) {
        const auto who = protocol::decode<protocol::disable_message>(what.data);
        if (who) {
            disable_runs(*who);
        }
    } else if (what.srvid == protocol::srvids::rebalance_node) {
        const auto node = protocol::decode<pnn>(what.data);
        if (node) {
            leads_.rebalance(*node);
        }
    }
}

void failover_node::takeover_wanted(const protocol::srvid_message& who) {
    if (!leads_.leading()) {
        return;
    }
    const auto same = [&who](const requester& r) {
        return r.node == who.pnn && r.address == who.srvid;
    };
    std::erase_if(requesters_, same); // the tool repeats itself
    requesters_.push_back({who.pnn, who.srvid, leads_.current()});
    leads_.want_run(
        fmt::format("node {} asks for it", who.pnn), coordinator::urgency::at_once, loop_.now()
    );
    pump();
}

void failover_node::disable_runs(const protocol::disable_message& who) {
    const std::chrono::seconds how_long(who.seconds);
    leads_.hold_back_until(loop_.now() + how_long);
    if (how_long.count() != 0) {
        log_notice("failover runs are disabled for {} s", who.seconds);
    }
    reply_message(who.pnn, who.srvid, static_cast<std::int32_t>(self_.value));
    pump();
}

// ---- coordinator_outputs ----

plan failover_node::calculate(const calculation_input& input) {
    allocation_input wanted;
    wanted.nodes = input.nodes;
    wanted.algorithm = static_cast<allocation_algorithm>(tunables_[tunable_id::ip_alloc_algorithm]);
    wanted.no_failback = tunables_[tunable_id::no_ip_failback] != 0;
    wanted.no_takeover = tunables_[tunable_id::no_ip_takeover] != 0;
    wanted.rebalance = input.rebalance;
    for (const auto& [which, where] : input.available_on) {
        const auto address = protocol::parse_ip(name_of(which));
        if (address && !disabled_) {
            const auto holder = input.holders.find(which);
            const pnn held_by = holder == input.holders.end() ? unknown_pnn : holder->second;
            wanted.addresses.push_back({*address, held_by, where});
        }
    }
    plan p;
    for (const allocated& a : allocate(wanted)) {
        if (a.holder != unknown_pnn) {
            p[pubip(protocol::to_text(a.address))] = a.holder;
        }
    }
    return p;
}

void failover_node::log_moves(const run_report& report) {
    const auto text = [](const plan& p, const item& which) {
        const auto found = p.find(which);
        return found == p.end() ? std::string("-") : fmt::format("{}", found->second);
    };
    plan all = last_plan_;
    all.insert(report.wanted.begin(), report.wanted.end());
    for (const auto& [which, holder] : all) {
        const std::string before = text(last_plan_, which);
        const std::string after = text(report.wanted, which);
        if (before != after) {
            const bool waits = report.missing.contains(which);
            log_notice(
                "{} {} -> {}{}, {} ms",
                name_of(which),
                before,
                after,
                waits ? " (waits for proof that nobody has it)" : "",
                report.took.count()
            );
        }
    }
    last_plan_ = report.wanted;
}

void failover_node::run_ended(const run_report& report) {
    log_moves(report);
    std::erase_if(requesters_, [this, &report](const requester& r) {
        const bool served = report.of > r.asked_in;
        if (served) {
            reply_message(r.node, r.address, static_cast<std::int32_t>(self_.value));
        }
        return served;
    });
}

void failover_node::send(pnn to, const message& m) {
    if (to == self_) {
        inbox_.emplace_back(self_, m);
        read_inbox_.schedule();
    } else if (tunnel_ && client_ && client_->connected()) {
        const bytes data = encode(self_, m);
        client_->send_tunnel(
            to, tunnel_id, protocol::tunnel_flag::request | protocol::tunnel_flag::noreply, data
        );
        client_->flush();
    }
}

void failover_node::from_tunnel(byte_view data) {
    const auto got = decode(data);
    if (!got) {
        log_warning("tunnel: {}", got.error().what);
        return;
    }
    dispatch(got->origin, got->message);
}

void failover_node::dispatch(pnn from, const message& m) {
    if (m.index() < message(authority{}).index()) {
        leads_.received(from, m, loop_.now());
        pump();
        return;
    }
    member_.received(from, m);
    const auto echo = std::chrono::duration_cast<async::duration>(member_.newest_echo());
    authority_.vouched_for(async::time_point(echo));
}

void failover_node::pump() {
    if (all_ours_) {
        leads_.tick(loop_.now());
    }
    tick_.arm(leads_.next_tick(loop_.now()));
}

// ---- participant_host ----

stamp failover_node::now() const {
    return loop_.now().time_since_epoch();
}

item_set failover_node::kernel_holds() {
    return disabled_ ? item_set{} : addresses_.held();
}

void failover_node::accepted(epoch e) {
    std::string text = fmt::format("epoch {}\n", e);
    for (const item& which : share_of(member_.accepted_plan(), self_)) {
        text += which + "\n";
    }
    if (const auto written = write_durably(epoch_file(settings_), text); !written) {
        log_error("the accepted plan is not on disk: {}", written.error().what);
    }
    addresses_.watch_for(member_.accepted_plan());
}

bool failover_node::may_take() const {
    return !leaving_ && !disabled_ && authority_.objection(loop_.now()).empty();
}

void failover_node::begin(epoch e, order what) {
    tasks_.spawn(carry_out(e, std::move(what)));
}

async::task<void> failover_node::carry_out(epoch e, order what) {
    co_await async::next_turn(loop_); // never from inside the participant
    const order_outcome outcome = co_await executor_.carry_out(e, std::move(what));
    member_.done(outcome);
    changed_.notify();
    status_soon_.schedule();
    verify_soon_.arm_in(0ms); // it may have been overtaken by a drop
}

// ---- work ----

bool failover_node::may_serve() const {
    return run_state_ == protocol::run_state::running && active_ && !leaving_ && !disabled_ &&
           !protocol::is_inactive(own_flags_) && !protocol::is_disabled(own_flags_);
}

item_set failover_node::available() const {
    item_set all;
    if (!may_serve()) {
        return all;
    }
    for (const conf::public_address& a : addresses_.configured()) {
        const item which = pubip(protocol::to_text(a.address));
        const bool up =
            std::any_of(a.interfaces.begin(), a.interfaces.end(), [this](const auto& i) {
                return addresses_.interface_usable(i);
            });
        if (up && (monitored_.contains(which) || addresses_.pretended(which))) {
            all.insert(which);
        }
    }
    return all;
}

void failover_node::send_status() {
    if (leader_ == unknown_pnn || self_ == unknown_pnn) {
        return;
    }
    status s;
    s.now = now();
    s.accepted = member_.accepted();
    s.known = addresses_.known();
    s.available = available();
    s.held = member_.held();
    send(leader_, s);
}

void failover_node::beat() {
    send_status();
    beat_.arm_in(status_interval);
}

void failover_node::look() {
    if (const auto read = addresses_.refresh(); !read) {
        log_error("reading addresses: {}", read.error().what);
    }
}

void failover_node::renew() {
    const async::time_point now_here = loop_.now();
    look();
    const item_set held = kernel_holds();
    const std::string objection = authority_.objection(now_here);
    if (!held.empty()) {
        if (!objection.empty()) {
            release_everything(objection);
        } else if (authority_.too_late_to_renew(last_renewal_, now_here)) {
            release_everything("failoverd stood still");
        } else {
            item_set mine = member_.permitted();
            std::erase_if(mine, [&held](const item& which) { return !held.contains(which); });
            addresses_.renew(mine, lease());
        }
    }
    last_renewal_ = now_here;
    const auto interval = authority_.renewal_interval();
    renewal_.arm_in(std::clamp<async::duration>(interval, 100ms, 5s));
}

void failover_node::verify() {
    verify_soon_.arm_in(kernel_check);
    look();
    watch_interfaces();
    if (self_ == unknown_pnn || member_.busy() || disabled_) {
        return;
    }
    const item_set rogue = without(addresses_.held(), member_.permitted());
    for (const item& which : rogue) {
        log_warning("{} is here against the plan: removed", name_of(which));
    }
    if (!rogue.empty()) {
        executor_.tell_each(protocol::srvids::release_ip, rogue);
        addresses_.release(rogue);
    }
    if (const item_set gone = member_.lost(); !gone.empty()) {
        retake(gone);
    }
    if (!rogue.empty()) {
        status_soon_.schedule();
    }
    changed_.notify();
}

// A link that comes or goes changes what can be hosted here at once; the scripts are asked, too.
void failover_node::watch_interfaces() {
    std::set<std::string> up;
    for (const protocol::iface& i : addresses_.interfaces()) {
        if (i.link_state == 1) {
            up.insert(i.name);
        }
    }
    if (up != interfaces_up_) {
        interfaces_up_ = std::move(up);
        status_soon_.schedule();
        monitor_soon({});
    }
}

// Only on fresh word from the leader: meanwhile somebody else may have been given them.
void failover_node::retake(const item_set& gone) {
    const bool fresh = now() - member_.newest_echo() <= fresh_window;
    const item_set could = available();
    item_set again;
    for (const item& which : gone) {
        if (fresh && may_take() && could.contains(which)) {
            again.insert(which);
        }
    }
    addresses_.take(again, lease());
    const item_set back = addresses_.held();
    member_.give_up(without(gone, back));
    for (const item& which : gone) {
        log_warning("{} was lost{}", name_of(which), back.contains(which) ? " and is back" : "");
    }
    executor_.tell_each(protocol::srvids::take_ip, again);
    status_soon_.schedule();
}

void failover_node::monitor_soon(async::duration in) {
    monitor_at_ = std::min(monitor_at_, loop_.now() + in);
    changed_.notify();
}

async::task<void> failover_node::keep_monitoring() {
    for (;;) {
        const bool wanted = ctdbd_.is_registered() && !disabled_ &&
                            run_state_ >= protocol::run_state::first_recovery;
        if (!wanted || loop_.now() < monitor_at_) {
            async::timer wake(loop_, [this] { changed_.notify(); });
            if (wanted) {
                wake.arm(monitor_at_);
            }
            co_await changed_.wait();
            continue;
        }
        const std::chrono::seconds limit(tunables_[tunable_id::event_script_timeout]);
        if (!started_scripts_) {
            started_scripts_ = true;
            co_await executor_.run_plain("startup", limit);
        }
        const std::chrono::seconds interval(settings_.get(opt::failover_monitor_interval));
        monitor_at_ = loop_.now() + interval;
        look();
        auto outcome = co_await executor_.monitor(limit);
        if (outcome.ran) {
            monitor_failures_ = 0;
            if (monitored_ != outcome.available) {
                log_info("{} addresses can be hosted here", outcome.available.size());
            }
            monitored_ = std::move(outcome.available);
        } else if (++monitor_failures_ > monitor_failures_max) {
            log_warning("nothing can be hosted here: {}", outcome.reason);
            monitored_.clear();
            monitor_failures_ = 0;
        } else {
            monitor_at_ = std::min(monitor_at_, loop_.now() + 1s);
        }
        send_status();
    }
}

} // namespace ctdb::failoverd
