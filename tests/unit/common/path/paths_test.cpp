#include "common/path/paths.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>

#include <gtest/gtest.h>

namespace {

using ctdb::path::environment;
using ctdb::path::make_paths;
using ctdb::path::paths;

environment env_of(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

class temp_directory {
public:
    temp_directory() {
        std::string text = (std::filesystem::temp_directory_path() / "ctdb-path-XXXXXX").string();
        name_ = ::mkdtemp(text.data());
    }
    ~temp_directory() { std::filesystem::remove_all(name_); }
    temp_directory(const temp_directory&) = delete;
    temp_directory& operator=(const temp_directory&) = delete;
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    std::string name_;
};

TEST(Paths, TestModePutsEverythingBelowTheBase) {
    const auto p = make_paths(
        env_of(
            {{"CTDB_TEST_MODE", ""}, {"CTDB_BASE", "/b/node.1"}, {"CTDB_TEST_HELPER_BINDIR", "/h"}}
        ),
        ""
    );
    ASSERT_TRUE(p);
    EXPECT_EQ(p->config_file(), "/b/node.1/ctdb.conf");
    EXPECT_EQ(p->nodes_file(), "/b/node.1/nodes");
    EXPECT_EQ(p->var, "/b/node.1/var");
    EXPECT_EQ(p->data, "/b/node.1/share");
    EXPECT_EQ(p->pid_file("ctdbd"), "/b/node.1/run/ctdbd.pid");
    EXPECT_EQ(p->socket("ctdbd"), "/b/node.1/run/ctdbd.socket");
    EXPECT_EQ(p->provider_socket(), "/b/node.1/run/provider.socket");
    EXPECT_EQ(p->enabled_events("service"), "/b/node.1/events/service");
    EXPECT_EQ(p->provided_events("service"), "/b/node.1/share/events/service");
    EXPECT_EQ(p->helper("ctdb-eventd"), "/h/ctdb-eventd");
    EXPECT_EQ(p->log_host(), "node.1");
}

TEST(Paths, TestModeWithoutBaseIsRefusedInUpstreamsWords) {
    const auto p = make_paths(env_of({{"CTDB_TEST_MODE", "yes"}}), "");
    ASSERT_FALSE(p);
    EXPECT_EQ(p.error().what, "Broken CTDB setup, CTDB_BASE not set in test mode");
}

TEST(Paths, BaseAloneChangesNothingOutsideTestMode) {
    EXPECT_EQ(*make_paths(env_of({{"CTDB_BASE", "/b"}}), ""), *make_paths(env_of({}), ""));
    EXPECT_EQ(make_paths(env_of({}), "")->log_host(), "");
}

TEST(Paths, SocketVariableNamesCtdbdsSocketOnly) {
    for (const char* mode : {"CTDB_TEST_MODE", "UNRELATED"}) {
        const auto p =
            make_paths(env_of({{mode, "1"}, {"CTDB_BASE", "/b"}, {"CTDB_SOCKET", "/x/y"}}), "");
        ASSERT_TRUE(p);
        EXPECT_EQ(p->socket("ctdbd"), "/x/y");
        EXPECT_NE(p->socket("eventd"), "/x/y");
    }
}

TEST(Paths, AnInstalledTreeIsFoundFromWhereTheProgramStands) {
    const temp_directory tree;
    std::filesystem::create_directories(tree.name() + "/libexec/ctdb");
    for (const char* program : {"/bin/ctdb", "/sbin/ctdbd", "/libexec/ctdb/ctdb-eventd"}) {
        const auto p = make_paths(env_of({}), tree.name() + program);
        ASSERT_TRUE(p);
        EXPECT_EQ(p->helpers, tree.name() + "/libexec/ctdb") << program;
        EXPECT_EQ(p->data, tree.name() + "/share/ctdb") << program;
    }
}

TEST(Paths, ABinDirectoryWithoutHelpersIsNoPrefix) {
    const temp_directory build;
    const auto p = make_paths(env_of({}), build.name() + "/bin/ctdb");
    EXPECT_EQ(*p, *make_paths(env_of({}), ""));
}

TEST(Paths, InABuildTreeTestModeFindsHelpersBesideTheProgram) {
    const temp_directory build;
    const auto env = env_of({{"CTDB_TEST_MODE", "1"}, {"CTDB_BASE", "/b"}});
    EXPECT_EQ(make_paths(env, build.name() + "/bin/ctdbd")->helpers, build.name() + "/bin");
    std::filesystem::create_directories(build.name() + "/libexec/ctdb");
    EXPECT_EQ(
        make_paths(env, build.name() + "/bin/ctdbd")->helpers, build.name() + "/libexec/ctdb"
    );
}

} // namespace
