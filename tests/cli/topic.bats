load helper

# Subscribes in the background and returns when it waits. Sets subscriber.
start_subscriber()
{
    "$KIN" sub "$@" > out 2> error 3>&- &
    subscriber=$!
    until [ "$(cells WAITING ls "${@: -1}")" = 1 ]; do :; done
}

@test "each subscriber gets every message" {
    kin mk topic news
    "$KIN" sub -c 3 news > first 3>&- &
    first=$!
    "$KIN" sub -c 3 news > second 3>&- &
    second=$!
    until [ "$(cells WAITING ls news)" = 2 ]; do :; done
    seq 3 | kin pub news
    wait $first $second
    expect_equal "$(cat first second)" $'1\n2\n3\n1\n2\n3'
}

@test "a subscriber begins with what comes next; --last, --from and -n with what is kept" {
    kin mk topic news
    seq 5 | kin pub news
    expect_equal "$(kin sub -n news)" $'1\n2\n3\n4\n5'
    expect_equal "$(kin sub -n --last 2 news)" $'4\n5'
    expect_equal "$(kin sub --last 1 news)" 5
    expect_equal "$(kin sub --from 2 -c 2 news)" $'3\n4'
    start_subscriber news
    kin pub news <<< 6
    expect_end $subscriber 0
    expect_equal "$(cat out)" 6
    run kin sub -n --from 6 news
    expect 4 'no message in topic "news"'
    run kin sub -w 0 news
    expect 3 "in time (-w 0)"
    run kin sub --from 7 news
    expect 1 "no position 7 yet"
}

@test "a gap is told exactly, in JSON and on standard error" {
    kin mk topic --messages 8 --times news
    seq 20 | kin pub -t 9 news
    expect_equal "$(kin sub --from 0 -J news | json '["missed"]')" 12
    expect_equal "$(kin sub -J --last 1 news | json '["type"]')" 9
    run kin sub --from 2 news
    expect 0 'kin sub: 10 messages were dropped before message 12 of topic "news"'
    kin sub -nJ news > lines
    python3 - << 'END'
import json
lines = [json.loads(line) for line in open("lines", encoding="utf-8")]
assert [line["data"] for line in lines] == [str(n) for n in range(13, 21)], lines
assert [line["position"] for line in lines] == list(range(12, 20)), lines
assert all(line["time"] > 1.7e9 and line["topic"] == "news" for line in lines), lines
END
}

@test "any bytes, by -0 and --whole" {
    kin mk topic --message-max 64K news
    printf 'a\nb\0\xff' | kin pub -0 news
    expect_equal "$(kin sub -n -0 news | od -An -c | tr -d ' ')" 'a\nb\0377\0'
    printf 'a\nb\0' | kin pub --whole news
    expect_equal "$(kin sub --whole --last 1 news | od -An -c | tr -d ' ')" 'a\nb\0'
    head -c 65536 /dev/zero | kin pub --whole news
    expect_equal "$(kin sub --whole --last 1 news | wc -c)" 65536
    run bash -c 'head -c 65537 /dev/zero | "$KIN" pub --whole news'
    expect 1 'message 1 is longer than topic "news" takes, 65536 bytes'
}

@test "a missing topic is 5; --create makes it" {
    for command in pub sub; do
        run kin $command news
        expect 5 "make it by: kin mk topic news"
    done
    kin mk queue q
    run kin pub q <<< x
    expect 1 ""
    kin pub --create news <<< x
    expect_equal "$(kin sub -n news)" x
}

@test "options that do not go together are refused" {
    kin mk topic news
    for options in "-f -c 1" "-f -n" "-n -w 1" "-0 --whole" "-0 -J" "--whole -J" "--last 1 --from 1"; do
        # shellcheck disable=SC2086 # words
        run kin sub $options news
        expect 2 ""
    done
    run kin pub -n -w 1 news
    expect 2 ""
    run kin mk topic big --message-max 2G
    expect 2 "--message-max"
    run kin mk topic big --message-max 1G --messages 64
    expect 1 "more than 1 GiB"
}

@test "a stopped subscriber holds up nobody, and one with --block until it is killed" {
    kin mk topic --messages 8 news
    kin mk topic --messages 8 --block careful
    start_subscriber -f news
    kill -STOP $subscriber
    seq 100 | kin pub news
    kill -KILL $subscriber
    expect_end $subscriber 137
    start_subscriber -f careful
    kill -STOP $subscriber
    seq 8 | kin pub careful
    run kin pub -n careful <<< 9
    expect 4 'no room for message 1 in topic "careful"'
    run kin pub -w 0.01 careful <<< 9
    expect 3 "in time (-w 0.01)"
    "$KIN" pub careful <<< 9 3>&- &
    publisher=$!
    until [ "$(cells WAITING ls careful)" = 2 ]; do :; done
    kill -KILL $subscriber
    wait $publisher
    expect_end $subscriber 137
    expect_equal "$(kin sub -n careful | tail -n 1)" 9
    expect_equal "$(cells HELD ls careful)" 0
}

@test "a killed publisher leaves whole messages only" {
    kin mk topic --messages 1024 news
    "$KIN" pub news < <(yes 0123456789) 3>&- &
    publisher=$!
    until [ "$(kin sub -n --last 1 news)" ]; do :; done
    kill -9 $publisher
    expect_end $publisher 137
    kin pub news <<< last
    expect_equal "$(kin sub -n news | sort -u)" $'0123456789\nlast'
}

@test "a removed topic ends those who wait for it" {
    kin mk topic news
    start_subscriber -f news
    kin rm -f news
    expect_end $subscriber 1
    grep removed error
}

@test "who cannot print is told where to go on" {
    [ -e /dev/full ] || skip "there is no /dev/full here"
    kin mk topic news
    seq 3 | kin pub news
    run bash -c '"$KIN" sub -n --last 2 news > /dev/full'
    expect 1 "go on later by: kin sub --from 1 news"
}
