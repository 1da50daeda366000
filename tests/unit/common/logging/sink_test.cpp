#include "common/logging/logging.hpp"
#include "common/logging/sink.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace ctdb::logging;
using ctdb::log_level;

class Sinks : public testing::Test {
protected:
    std::string directory;

    void SetUp() override {
        std::string text = (std::filesystem::temp_directory_path() / "ctdb-log-XXXXXX").string();
        directory = ::mkdtemp(text.data());
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] std::string file(const std::string& name) const { return directory + "/" + name; }
    static std::string contents(const std::string& name) {
        std::ifstream in(name);
        std::ostringstream out;
        out << in.rdbuf();
        return out.str();
    }
};

TEST_F(Sinks, FileLinesHaveUpstreamsHeader) {
    const auto sink = open_sink({target::file, file("log")}, {"ctdbd", "node.1"});
    ASSERT_TRUE(sink) << sink.error().what;
    (*sink)->write(log_level::error, "hello");
    EXPECT_THAT(
        contents(file("log")),
        testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}"
                              "[+-][0-9]{2}:[0-9]{2} node[.]1 ctdbd\\[[0-9]+\\]: hello\n")
    );
}

TEST_F(Sinks, FileIsReopenedAfterItWasMovedAway) {
    const auto sink = open_sink({target::file, file("log")}, {"ctdbd", "n"});
    ASSERT_TRUE(sink);
    (*sink)->write(log_level::error, "one");
    std::filesystem::rename(file("log"), file("old"));
    (*sink)->write(log_level::error, "two");
    ASSERT_TRUE((*sink)->reopen());
    (*sink)->write(log_level::error, "three");
    EXPECT_THAT(contents(file("old")), testing::HasSubstr("two"));
    EXPECT_THAT(contents(file("log")), testing::HasSubstr("three"));
    EXPECT_THAT(contents(file("log")), testing::Not(testing::HasSubstr("two")));
}

TEST_F(Sinks, FileInAMissingDirectoryIsRefusedAndReopenKeepsTheOldFile) {
    EXPECT_EQ(open_sink({target::file, file("no/log")}, {"p", "h"}).error().code, ENOENT);
    std::filesystem::create_directory(file("d"));
    const auto sink = open_sink({target::file, file("d/log")}, {"p", "h"});
    ASSERT_TRUE(sink);
    std::filesystem::rename(file("d"), file("e"));
    EXPECT_FALSE((*sink)->reopen());
    (*sink)->write(log_level::error, "still here");
    EXPECT_THAT(contents(file("e/log")), testing::HasSubstr("still here"));
}

// A full disk, as a file size limit: what is lost is counted and said once there is room again.
TEST_F(Sinks, LinesLostToAFullFileAreCounted) {
    const auto sink = open_sink({target::file, file("log")}, {"p", "h"});
    ASSERT_TRUE(sink);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    (*sink)->write(log_level::error, "lost one");
    (*sink)->write(log_level::error, "lost two");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old_handler);
    (*sink)->write(log_level::error, "written");
    EXPECT_THAT(contents(file("log")), testing::HasSubstr("[Dropped 2 log messages]"));
    EXPECT_THAT(contents(file("log")), testing::HasSubstr("written"));
}

class unix_receiver {
public:
    explicit unix_receiver(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        bound_ = ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    ~unix_receiver() { ::close(fd_); }
    unix_receiver(const unix_receiver&) = delete;
    unix_receiver& operator=(const unix_receiver&) = delete;

    [[nodiscard]] bool bound() const { return bound_; }
    [[nodiscard]] std::string receive() const {
        std::array<char, 4096> buffer{};
        const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return got < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(got));
    }

private:
    int fd_;
    bool bound_ = false;
};

TEST_F(Sinks, NonblockingSyslogCountsWhatDidNotFit) {
    const unix_receiver receiver(file("devlog"));
    ASSERT_TRUE(receiver.bound());
    syslog_addresses addresses;
    addresses.unix_socket = file("devlog");
    const auto sink = open_sink({target::syslog_nonblocking, ""}, {"ctdbd", "h"}, addresses);
    ASSERT_TRUE(sink) << sink.error().what;
    for (int i = 0; i < 2000; ++i) { // more than a socket queue holds, and returns at once
        (*sink)->write(log_level::error, "flood");
    }
    int received = 0;
    while (!receiver.receive().empty()) {
        ++received;
    }
    ASSERT_LT(received, 2000);
    (*sink)->write(log_level::error, "after");
    EXPECT_THAT(
        receiver.receive(),
        testing::MatchesRegex(
            "<28>ctdbd\\[[0-9]+\\]: \\[Dropped " + std::to_string(2000 - received) +
            " log messages\\]"
        )
    );
    EXPECT_THAT(receiver.receive(), testing::MatchesRegex("<27>ctdbd\\[[0-9]+\\]: after"));
}

TEST_F(Sinks, NonblockingSyslogFindsARestartedService) {
    syslog_addresses addresses;
    addresses.unix_socket = file("devlog");
    auto first = std::make_unique<unix_receiver>(file("devlog"));
    const auto sink = open_sink({target::syslog_nonblocking, ""}, {"ctdbd", "h"}, addresses);
    ASSERT_TRUE(sink);
    first.reset();
    std::filesystem::remove(file("devlog"));
    (*sink)->write(log_level::error, "nobody there");
    const unix_receiver second(file("devlog"));
    (*sink)->write(log_level::error, "again");
    EXPECT_THAT(second.receive(), testing::HasSubstr("[Dropped 1 log messages]"));
    EXPECT_THAT(second.receive(), testing::HasSubstr("again"));
}

TEST_F(Sinks, UdpSendsRfc5424ToThisMachine) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    syslog_addresses addresses;
    addresses.udp_port = ntohs(address.sin_port);
    const auto sink = open_sink({target::syslog_udp_rfc5424, ""}, {"ctdbd", "h"}, addresses);
    ASSERT_TRUE(sink);
    (*sink)->write(log_level::warning, "text");
    const timeval limit{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    std::array<char, 2048> buffer{};
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    ::close(fd);
    ASSERT_GT(got, 0);
    EXPECT_THAT(
        std::string(buffer.data(), static_cast<std::size_t>(got)),
        testing::MatchesRegex("<28>1 [0-9T:.+-]+ h ctdbd [0-9]+ - - text")
    );
}

TEST_F(Sinks, LoggerWritesOneLineForEachLineAndCountsRepeats) {
    {
        const auto logger = setup({"file:" + file("log"), log_level::info, "ctdbd", "h"});
        ASSERT_TRUE(logger) << logger.error().what;
        ctdb::log_error("first\nsecond");
        ctdb::log_debug("not shown");
        ctdb::log_info("again");
        ctdb::log_info("again");
    }
    std::istringstream lines(contents(file("log")));
    std::vector<std::string> texts;
    for (std::string line; std::getline(lines, line);) {
        texts.push_back(line.substr(line.find("]: ") + 3));
    }
    EXPECT_THAT(
        texts, testing::ElementsAre("first", "second", "again", "last message repeated 1 times")
    );
    ctdb::set_log_level(log_level::notice);
}

TEST_F(Sinks, SetupRefusesAnUnknownLocation) {
    const auto logger = setup({"carrier pigeon", log_level::info, "p", "h"});
    ASSERT_FALSE(logger);
    EXPECT_EQ(logger.error().code, EINVAL);
}

} // namespace
