#include "base/foreign_text.h"

#include <gmock/gmock.h>

#include "base/names.h"
#include "base/secrets.h"
#include "metaqnn/base/error.h"

namespace metaqnn {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// ---- Passwords ----

TEST(Secrets, OfAUrlStandBetweenUserAndHost) {
  EXPECT_EQ(without_passwords("postgresql://me:s3cr3t@host:5432/db"),
            "postgresql://me:***@host:5432/db");
  EXPECT_EQ(without_passwords("postgresql://me:s3cr3t@[2001:db8::1]:5432/db"),
            "postgresql://me:***@[2001:db8::1]:5432/db");
  EXPECT_EQ(without_passwords("mysql://me:s3cr3t@host/db"), "mysql://me:***@host/db");
  EXPECT_EQ(without_passwords("POSTGRES://:s3cr3t@host"), "POSTGRES://:***@host");
}

TEST(Secrets, MayHoldAnyCharacter) {
  for (const char* password :
       {"s3cr3t?a", "a/s3cr3t", "s3#cr3t", "s3:cr3t", "a@s3cr3t", "[s3cr3t", "s3cr3t]:1",
        "a s3cr3t", "1234/s3cr3t", "s3cr3t&x=y", "'s3cr3t'", "a\ts3cr3t", "%73s3cr3t"}) {
    EXPECT_EQ(without_passwords("postgresql://me:" + std::string(password) + "@host/db"),
              "postgresql://me:***@host/db")
        << password;
  }
}

TEST(Secrets, ThatLookLikeAKeyHideMoreThanTheyAre) {
  EXPECT_EQ(without_passwords("postgresql://me:password=s3cr3t@host/db"), "postgresql://me:***");
  EXPECT_EQ(without_passwords("postgresql://me:x?password=s3&cr3t@h/db"),
            "postgresql://me:***@h/db");
}

TEST(Secrets, AreFoundInWhatHasLostItsSlashes) {
  EXPECT_EQ(without_passwords("/home/me/postgresql:/me:s3cr3t@host/db"),
            "/home/me/postgresql:/me:***@host/db");
  EXPECT_EQ(without_passwords("postgresql:me:s3cr3t@host/db"), "postgresql:me:***@host/db");
  EXPECT_EQ(without_passwords("postgresql:////me:s3cr3t@host/db"), "postgresql:////me:***@host/db");
  EXPECT_EQ(without_passwords("sqlite:///postgres://me:s3cr3t@host/db"),
            "sqlite:///postgres://me:***@host/db");
}

TEST(Secrets, StandWhereAPortShould) {
  EXPECT_EQ(without_passwords("postgresql://me:s3cr3t"), "postgresql://me:***");
  EXPECT_EQ(without_passwords("cannot read postgresql://me:s3/cr3t: there is no such file"),
            "cannot read postgresql://me:***: there is no such file");
  EXPECT_EQ(without_passwords("postgresql://a:5432,b:s3cr3t/db"), "postgresql://a:***");
}

TEST(Secrets, AreTheValuesOfKeysThatNameThem) {
  EXPECT_EQ(without_passwords("postgresql://host/db?password=s3cr3t&user=me"),
            "postgresql://host/db?password=***&user=me");
  EXPECT_EQ(without_passwords("postgresql://me:a@host/db?sslpassword=s3cr3t@x"),
            "postgresql://me:***@host/db?sslpassword=***");
  EXPECT_EQ(without_passwords("postgresql://host/db?pass%77ord=s3 cr3t"),
            "postgresql://host/db?pass%77ord=***");
  EXPECT_EQ(without_passwords("postgresql://host/db?PassWord%3Ds3cr3t"),
            "postgresql://host/db?PassWord%3D***");
  EXPECT_EQ(without_passwords("postgresql:host=h password=s3cr3t user=me"),
            "postgresql:host=h password=*** user=me");
  EXPECT_EQ(without_passwords("host=h PASSWORD = 's3 cr\\'3t' user=me"),
            "host=h PASSWORD = *** user=me");
  EXPECT_EQ(without_passwords("password=s3\\ cr3t user=me"), "password=*** user=me");
  EXPECT_EQ(without_passwords("password='s3 cr3t"), "password=***");
}

TEST(Secrets, AreTakenOutOfMessagesThatQuoteThem) {
  EXPECT_EQ(
      without_passwords("study 'mysql://me:s3cr3t@host/db': expected sqlite:///relative.db or "
                        "postgresql://user@host/database"),
      "study 'mysql://me:***@host/db': expected sqlite:///relative.db or "
      "postgresql://user@host/database");
  EXPECT_EQ(without_passwords("study 'postgresql:host=h password=s3cr3t': expected another form"),
            "study 'postgresql:host=h password=***': expected another form");
  EXPECT_EQ(without_passwords("postgresql://h/db?password=s3cr3t: cannot be read; mend it"),
            "postgresql://h/db?password=***: cannot be read; mend it");
}

TEST(Secrets, ThatAreNoneStay) {
  for (const char* text :
       {"", "trial 3: failed", "sqlite:////tmp/a:b@c.db", "postgresql://user@host/database",
        "postgresql://host:5432/db", "postgresql://u@[::1]:5432/db?connect_timeout=3",
        "postgresql://h1:1,[::2]:3/db", "https://example.org:8080/a/b.html: not found",
        "study postgresql://me@host/db: the server does not let us in (role \"a@b\")",
        "--tokens=grammar", "architecture, column 3: expected ',' or ']', found '@'"}) {
    EXPECT_EQ(without_passwords(text), text);
  }
}

TEST(Secrets, HiddenTwiceAreHiddenOnce) {
  for (const char* text :
       {"postgresql://me:s3cr3t@host/db is no study; ask a@b.c", "postgresql://me:s3cr3t",
        "x password='a b' y", "postgresql://h/db?password=x is no study"}) {
    const std::string once = without_passwords(text);
    EXPECT_EQ(without_passwords(once), once);
    EXPECT_EQ(without_passwords("(" + once + ") is no study"), "(" + once + ") is no study");
  }
}

TEST(Secrets, OfMegabytesAreFoundAtOnce) {
  const auto repeated = [](const std::string& text) {
    std::string all;
    while (all.size() < 2'000'000) all += text;
    return all;
  };
  for (const std::string& text :
       {repeated("x://a,") + " y://b@", repeated("postgres:1,"), repeated("x://me:s3cr3t "),
        repeated("password="), repeated(":/"), repeated("a@b://"), repeated(" x://")})
    EXPECT_EQ(without_passwords(text).find("s3cr3t"), std::string::npos);
}

// ---- Terminals ----

TEST(ForeignText, ShowsControlCharactersInsteadOfObeyingThem) {
  EXPECT_EQ(visible("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(visible(std::string("\0\t\r\n", 4)), "\\x00\\x09\\x0d\\x0a");
  EXPECT_EQ(visible("\x7f\xc2\x80\xc2\x9f"), "\\u007f\\u0080\\u009f");
  EXPECT_EQ(visible("\xe2\x80\xae\xe2\x81\xa6"), "\\u202e\\u2066");
  EXPECT_EQ(visible("a\nb\x07", '\n'), "a\nb\\x07");
  EXPECT_EQ(visible("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0"),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0");
}

TEST(ForeignText, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(visible("a\xff"), "a\\xff");
  EXPECT_EQ(visible("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(visible("\xc0\xaf"), "\\xc0\\xaf");                    // '/' in two bytes
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // half of a pair
  EXPECT_EQ(visible("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
}

TEST(ForeignText, IsCutAfterAWholeCharacter) {
  EXPECT_EQ(shown("12345678", 8), "12345678");
  EXPECT_EQ(shown("123456789", 8), "12345...");
  EXPECT_EQ(shown("1234\xc3\xa9\xc3\xa9\xc3\xa9", 8), "1234...");
  EXPECT_EQ(shown("123\x1b\x1b\x1b", 8), "123...");
  EXPECT_EQ(shown(std::string(5000000, 'x')).size(), kLongestShown);
}

TEST(ForeignText, CutBeforeTheEndOfAPasswordShowsNothingOfIt) {
  const std::string url = "postgresql://me:" + std::string(100, 's') + "@host/db";
  EXPECT_EQ(shown(url, 40), "postgresql://me:***@host/db");
}

TEST(ForeignText, InAMessageIsOneLineOfSomeKilobytes) {
  EXPECT_EQ(message_line("two\nlines"), "two lines");
  const std::string message = message_line("it is '" + std::string(5000000, 'x') + "'; mend it");
  EXPECT_LE(message.size(), kLongestMessage);
  EXPECT_THAT(message, StartsWith("it is 'xxx"));
  EXPECT_THAT(message, HasSubstr("x ... x"));
  EXPECT_THAT(message, EndsWith("x'; mend it"));
}

TEST(ForeignText, InAnErrorIsHarmless) {
  const UsageError error("no '\x1b[2J' in postgresql://me:s3cr3t@host/" + std::string(9999, 'x'));
  EXPECT_THAT(error.what(), StartsWith("no '\\x1b[2J' in postgresql://me:***@host/xxx"));
  EXPECT_LE(std::string(error.what()).size(), kLongestMessage);
}

TEST(ForeignText, OfCharactersTakesAsManyColumns) {
  EXPECT_EQ(columns_of("caf\xc3\xa9"), 4);
  EXPECT_EQ(columns_of(""), 0);
}

TEST(NearestName, OfAMegabyteIsFoundAtOnce) {
  EXPECT_EQ(nearest_name("mnist" + std::string(1000000, 'x'), {"cifar10", "mnist"}), "mnist");
  EXPECT_EQ(nearest_name("", {"a", std::string(1000000, 'x')}), "a");
}

}  // namespace
}  // namespace metaqnn
