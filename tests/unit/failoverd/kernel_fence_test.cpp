// In a network namespace of its own; skipped where none can be made.
#include "common/base/unique_fd.hpp"
#include "common/netlink/neighbour.hpp"
#include "failoverd/kernel_fence.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

namespace ctdb::failoverd {
namespace {

class KernelFence : public testing::Test {
protected:
    void SetUp() override {
        if (::unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "needs root and network namespaces";
        }
    }
    void TearDown() override { EXPECT_EQ(::setns(home.get(), CLONE_NEWNET), 0); }
    unique_fd home{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
    static std::string tables() {
        const std::unique_ptr<nft_ctx, void (*)(nft_ctx*)> nft(
            nft_ctx_new(NFT_CTX_DEFAULT), nft_ctx_free
        );
        nft_ctx_buffer_output(nft.get());
        EXPECT_EQ(nft_run_cmd_from_buffer(nft.get(), "list ruleset"), 0);
        return nft_ctx_get_output_buffer(nft.get());
    }
    static bool has(const std::string& text) { return tables().find(text) != std::string::npos; }
    static std::vector<protocol::sock_addr> addresses() {
        return {*protocol::parse_ip("10.0.0.1"), *protocol::parse_ip("fd00::12")};
    }
};

TEST_F(KernelFence, TheGuardStaysAndTheOpeningEndsWithTheProcess) {
    const pid_t child = ::fork();
    if (child == 0) {
        kernel_fence fence;
        const bool done = fence.guard(addresses()) && fence.open() && fence.is_open();
        const bool both = has("table arp ctdb_alive") && has("table ip6 ctdb_alive");
        ::kill(::getpid(), done && both ? SIGKILL : SIGTERM);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_FALSE(has("ctdb_alive"));
    EXPECT_TRUE(has("10.0.0.1"));
    EXPECT_TRUE(has("0xfd000000000000000000000000000012")) << tables();
    EXPECT_TRUE(has("expires")); // by themselves
}

TEST_F(KernelFence, ANewGuardReplacesTheOldOneOfAnyProcess) {
    kernel_fence before;
    ASSERT_TRUE(before.guard(addresses()));
    kernel_fence fence;
    ASSERT_TRUE(fence.guard({*protocol::parse_ip("10.0.0.2")}));
    EXPECT_FALSE(has("10.0.0.1"));
    EXPECT_FALSE(has("fd00"));
    EXPECT_TRUE(has("10.0.0.2"));
    ASSERT_TRUE(fence.remove_guard());
    EXPECT_EQ(tables(), "");
    EXPECT_TRUE(fence.remove_guard()); // nothing there
}

TEST_F(KernelFence, TheGuardOfALifeThatWasKilledIsRemovedByTheNext) {
    const pid_t child = ::fork();
    if (child == 0) {
        kernel_fence fence;
        const bool done = fence.guard(addresses()) && fence.open();
        ::kill(::getpid(), done ? SIGKILL : SIGTERM);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    ASSERT_TRUE(has("10.0.0.1"));
    kernel_fence next;
    EXPECT_TRUE(next.guard_is_there().value());
    EXPECT_TRUE(next.remove_guard());
    EXPECT_FALSE(next.guard_is_there().value());
    EXPECT_EQ(tables(), "");
}

TEST_F(KernelFence, WithoutAFreeDescriptorItSaysSoInsteadOfEndingTheProcess) {
    const pid_t child = ::fork();
    if (child == 0) {
        const int lowest_free = ::dup(0);
        ::close(lowest_free);
        const rlimit none_left{static_cast<rlim_t>(lowest_free), static_cast<rlim_t>(lowest_free)};
        ::setrlimit(RLIMIT_NOFILE, &none_left);
        kernel_fence fence;
        ::_exit(!fence.guard(addresses()) && !fence.guard_is_there() ? 77 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 77);
}

// A cable with both ends here: what is asked at `outside` arrives at `inside`, which has addresses.
class KernelFenceOnTheNetwork : public KernelFence {
protected:
    void SetUp() override {
        KernelFence::SetUp();
        if (IsSkipped()) {
            return;
        }
        const bool made = ip({"link", "add", "inside", "type", "veth", "peer", "name", "outside"});
        if (!made) {
            GTEST_SKIP() << "needs iproute2 and veth";
        }
        ASSERT_TRUE(ip({"link", "set", "inside", "up"}) && ip({"link", "set", "outside", "up"}));
        for (const char* address : {"10.0.0.1/24", "10.0.0.2/24"}) {
            ASSERT_TRUE(ip({"address", "add", address, "dev", "inside"}));
        }
        for (const char* address : {"fd00::12/64", "fd00::13/64"}) {
            ASSERT_TRUE(ip({"address", "add", address, "dev", "inside", "nodad"}));
        }
    }
    static bool ip(std::vector<const char*> words) {
        words.insert(words.begin(), "ip");
        words.push_back(nullptr);
        pid_t child = 0;
        int status = 0;
        return ::posix_spawnp(
                   &child, "ip", nullptr, nullptr, const_cast<char**>(words.data()), environ
               ) == 0 &&
               ::waitpid(child, &status, 0) == child && status == 0;
    }
    // Asked for together until those that are not guarded have answered: what is guarded would have
    // answered before them.
    static std::set<std::string> answering() {
        auto table = netlink::address_table::open();
        const std::vector<netlink::link> links = table->links().value();
        const std::vector<netlink::link> outside{*netlink::find_link(links, "outside")};
        std::vector<protocol::sock_addr> all = addresses();
        all.push_back(*protocol::parse_ip("10.0.0.2"));
        all.push_back(*protocol::parse_ip("fd00::13"));
        std::set<std::string> names;
        for (int round = 0;
             round < 50 && (!names.contains("10.0.0.2") || !names.contains("fd00::13"));
             ++round) {
            const auto answered = netlink::probe(all, outside, {});
            for (const protocol::sock_addr& a : answered.value()) {
                names.insert(protocol::to_text(a));
            }
        }
        return names;
    }
    const std::set<std::string> others{"10.0.0.2", "fd00::13"};
    const std::set<std::string> everything{"10.0.0.1", "10.0.0.2", "fd00::12", "fd00::13"};
};

TEST_F(KernelFenceOnTheNetwork, NobodyIsToldOfAGuardedAddressBeforeItIsOpen) {
    EXPECT_EQ(answering(), everything);
    kernel_fence fence;
    ASSERT_TRUE(fence.guard(addresses()));
    EXPECT_EQ(answering(), others);
    ASSERT_TRUE(fence.open());
    EXPECT_EQ(answering(), everything);
}

TEST_F(KernelFence, OnlyOneProcessOpens) {
    kernel_fence first;
    ASSERT_TRUE(first.guard(addresses()));
    ASSERT_TRUE(first.open());
    EXPECT_TRUE(first.open()); // is open
    kernel_fence second;
    const auto refused = second.open();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("nftables: "), std::string::npos);
    EXPECT_FALSE(second.is_open());
}

} // namespace
} // namespace ctdb::failoverd
