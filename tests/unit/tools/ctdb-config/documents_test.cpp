// The sample file and the manual page say what the table of options says.
#include "tools/ctdb-config/show.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace {

using namespace ctdb;

std::string contents(const std::string& file) {
    std::ifstream in(std::string(CTDB_SOURCE_DIR "/") + file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

path::paths debian() {
    path::paths where;
    where.var = "/var/lib/ctdb";
    where.log = "/var/log/ctdb";
    where.etc = "/etc/ctdb";
    return where;
}

TEST(Documents, TheSampleFileIsTheTable) {
    // After a change of the table: ctdb-config sample, with the directories above.
    EXPECT_EQ(contents("config/ctdb.conf"), config_tool::sample(debian()));
}

TEST(Documents, TheManualPageContainsTheTable) {
    // After a change of the table: put the output of `ctdb-config manual` below OPTIONS.
    EXPECT_NE(contents("doc/man/ctdb.conf.5.scd").find(config_tool::manual()), std::string::npos);
}

// Uncommented, every default of the sample is accepted: a user who removes a `#` gets what he read.
TEST(Documents, TheSampleFileIsValidWhenUncommented) {
    std::istringstream lines(config_tool::sample(debian()));
    std::string text;
    for (std::string line; std::getline(lines, line);) {
        const bool option = line.rfind("#\t", 0) == 0;
        const bool has_value = line.find("= ") != std::string::npos;
        const bool names_place = line.find("/var/") != std::string::npos;
        if (line.rfind("[", 0) == 0 || (option && has_value && !names_place)) {
            text += (option ? line.substr(1) : line) + "\n";
        }
    }
    const auto loaded = conf::load_text(text, debian(), conf::unknown_options::refuse);
    for (const conf::diagnostic& d : loaded.findings) {
        ADD_FAILURE() << d.text("sample");
    }
    ASSERT_TRUE(loaded.settings);
    EXPECT_TRUE(loaded.settings->is_set(conf::options::fencing));
}

TEST(Explain, NamesValueDefaultAndEffect) {
    EXPECT_EQ(
        config_tool::explain(conf::options::address_lease, debian()),
        "[failover] address lease\n\n"
        "Seconds the kernel keeps a public address that is no longer renewed. A node whose daemons "
        "died or hang loses its addresses after this time at the latest.\n\n"
        "Value:    a number from 2 to 3600\n"
        "Default:  6\n"
        "Effect:   on reload\n"
        "Since:    not in upstream CTDB\n"
    );
}

} // namespace
