// Plays every .scenario file of this folder (README.md) and compares the traces.
#include "common/base/bytes.hpp"
#include "ctdbd/leadership/election.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace ctdb::ctdbd {
namespace {

using std::chrono::milliseconds;

std::string node_text(pnn node) {
    return node == unknown_pnn ? std::string("unknown") : fmt::format("{}", node);
}

std::string towards(const std::optional<pnn>& node) {
    return node ? fmt::format(" to {}", *node) : std::string();
}

struct in_words {
    std::string operator()(const election_action::say_leader& a) const {
        return fmt::format("say LEADER {}{}", node_text(a.who), towards(a.only_to));
    }
    std::string operator()(const election_action::say_election& a) const {
        return fmt::format(
            "say ELECTION {}{}",
            a.message.num_connected > 0 ? "as candidate" : "as voter",
            towards(a.only_to)
        );
    }
    std::string operator()(const election_action::prepare&) const { return "prepare"; }
    std::string operator()(const election_action::take_lock&) const { return "take lock"; }
    std::string operator()(const election_action::release_lock&) const { return "release lock"; }
    std::string operator()(const election_action::leader_changed& a) const {
        return fmt::format("leader {} -> {}: {}", node_text(a.before), node_text(a.now), a.why);
    }
    std::string operator()(const election_action::note& a) const {
        return fmt::format("{}: {}", a.warning ? "warning" : "note", a.text);
    }
};

class player {
public:
    std::string play(const std::string& script) {
        std::istringstream lines(script);
        std::string line;
        while (std::getline(lines, line)) {
            if (line.starts_with(">")) {
                continue; // the golden trace
            }
            trace_ += line + "\n";
            if (!line.empty() && !line.starts_with("#")) {
                act(line);
            }
        }
        return trace_;
    }

private:
    void act(const std::string& line) {
        std::istringstream words(line);
        std::string verb;
        words >> verb;
        if (verb == "self") {
            set_up(words);
        } else if (verb == "view") {
            view(words);
        } else if (verb == "start") {
            feed(election_event::start{});
        } else if (verb == "leader") {
            leader(words);
        } else if (verb == "election") {
            ballot(words);
        } else if (verb == "prepared") {
            feed(election_event::prepared{});
        } else if (verb == "held") {
            feed(election_event::lock_held{});
        } else if (verb == "refused") {
            feed(election_event::lock_refused{"held by another node"});
        } else if (verb == "lost") {
            feed(election_event::lock_lost{"test"});
        } else if (verb == "released") {
            feed(election_event::lock_released{});
        } else if (verb == "wait" || verb == "stall") {
            pass_time(words, verb == "stall");
        } else {
            ADD_FAILURE() << "unknown line: " << line;
        }
    }
    void set_up(std::istringstream& words) {
        election_settings settings;
        std::uint32_t self = 0;
        words >> self;
        std::string word;
        while (words >> word) {
            int number = 0;
            if (word == "lock") {
                settings.has_lock = true;
            } else if (word == "listed") {
                words >> listed_;
            } else if (word == "leader-timeout") {
                words >> number;
                settings.leader_timeout = milliseconds(number);
            }
        }
        core_.emplace(pnn{self}, settings);
        core_->set_priority_time({1000, 0});
    }
    void view(std::istringstream& words) {
        cluster_view v;
        v.listed = listed_;
        std::string word;
        while (words >> word) {
            if (word == "eligible") {
                v.eligible = true;
            } else if (word == "not-eligible") {
                v.own_flags = protocol::node_flag::stopped;
            } else {
                const bool upstream = word.find('u') != std::string::npos;
                const bool inactive = word.find('i') != std::string::npos;
                const auto node = static_cast<std::uint32_t>(std::stoul(word));
                v.connected.push_back({pnn{node}, !inactive, !upstream});
            }
        }
        feed(election_event::view_changed{v});
    }
    void leader(std::istringstream& words) {
        std::string who;
        std::string from_word;
        std::uint32_t from = 0;
        words >> who;
        const pnn claimed =
            who == "unknown" ? unknown_pnn : pnn{static_cast<std::uint32_t>(std::stoul(who))};
        if (words >> from_word >> from) {
            feed(election_event::leader_heard{pnn{from}, claimed});
        } else {
            feed(election_event::leader_heard{claimed, claimed});
        }
    }
    void ballot(std::istringstream& words) {
        std::uint32_t node = 0;
        std::string age_word;
        std::int64_t age = 0; // 0 or missing: a voter that cannot lead
        words >> node >> age_word >> age;
        protocol::election_message m;
        m.pnn = pnn{node};
        m.num_connected = age > 0 ? 3 : 0;
        m.priority_time = {age, 0};
        feed(election_event::election_heard{pnn{node}, m});
    }
    void pass_time(std::istringstream& words, bool stalled) {
        int ms = 0;
        words >> ms;
        const async::time_point until = now_ + milliseconds(ms);
        while (!stalled && core_->deadline() && *core_->deadline() <= until) {
            now_ = std::max(now_, *core_->deadline());
            feed(election_event::time_passed{});
        }
        now_ = until;
        if (stalled) {
            feed(election_event::time_passed{});
        }
    }
    void feed(const election_input& event) {
        const election_state before = core_->state();
        for (const election_output& action : core_->handle(event, now_)) {
            trace_ += fmt::format("> {:>6} {}\n", elapsed(), std::visit(in_words(), action));
        }
        if (core_->state() != before) {
            trace_ += fmt::format("> {:>6} [{}]\n", elapsed(), name_of(core_->state()));
        }
    }
    [[nodiscard]] long elapsed() const {
        return static_cast<long>(
            std::chrono::duration_cast<milliseconds>(now_ - async::time_point{}).count()
        );
    }

    std::optional<election> core_;
    std::size_t listed_ = 3;
    async::time_point now_{};
    std::string trace_;
};

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> scenarios() {
    std::vector<std::filesystem::path> found;
    const auto folder = std::filesystem::path(CTDB_SOURCE_DIR) / "tests/scenario/election";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".scenario") {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

class Election : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Election, GoesAsWritten) {
    const std::string expected = content_of(GetParam());
    const std::string played = player().play(expected);
    if (std::getenv("UPDATE_SCENARIOS") != nullptr) {
        std::ofstream(GetParam()) << played;
    }
    EXPECT_EQ(played, expected) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(
    Scenarios,
    Election,
    ::testing::ValuesIn(scenarios()),
    [](const auto& scenario) {
        std::string name = scenario.param.stem().string();
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    }
);

} // namespace
} // namespace ctdb::ctdbd
