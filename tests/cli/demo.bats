load helper

left_behind()
{
    find /dev/shm -maxdepth 1 -name 'kin-run-*' -user "$(id -u)"
}

@test "the counts are the same while workers are killed, and nothing is left" {
    run kin demo --kills 10 --workers 3
    expect 0 "identical"
    expect 0 "Try next"
    expect_equal "$(left_behind)" ""
}

@test "--json has what the table has" {
    kin demo --kills 3 --json > out
    for true in '["identical"]' '["kills"] >= 3' '["lost"] == 0' '["doubled"] == 0' '["strange"] == 0' \
        '["words"] > 0' '["messages"] % 1 == 0' '["workers"] == 4'; do
        expect_equal "$(json "$true" < out)" True
    done
    expect_equal "$(json '["words"]' < out)" "$(json '["plain"]["words"]' < out)"
    expect_equal "$(json '["fed"]' < out)" "$(json '["messages"]' < out)"
}

@test "a text of one's own is counted right" {
    mkdir -p folder/inner folder/.hidden
    printf 'One two, two; three-THREE three' > folder/a
    printf 'été four4 four4' > folder/inner/b
    printf 'hidden' > folder/.hidden/c
    printf 'binary\0binary' > folder/d
    kin demo --kills 0 --json folder > out
    expect_equal "$(json '["words"]' < out)" 9
    expect_equal "$(json '["distinct"]' < out)" 5
    expect_equal "$(json '["top"][0]["word"] + str(json.load(open("out"))["top"][0]["count"])' < out)" three3
    expect_equal "$(json '["pieces"]' < out)" 1
}

@test "--seconds ends it, and what was fed is compared" {
    kin demo --seconds 1 --kills 100000 --json > out
    expect_equal "$(json '["identical"]' < out)" True
    expect_equal "$(json '["kills"] < 100000' < out)" True
    run kin demo --seconds 1 --kills 100000
    expect 0 "The time was over before 100000 workers were killed"
}

@test "words longer than a piece stay whole" {
    head -c 100000 /dev/zero | tr '\0' w > long
    echo " end" >> long
    kin demo --kills 0 --json long > out
    expect_equal "$(json '["words"]' < out)" 2
}

@test "a path that is none, and a text that is empty, are named" {
    run kin demo none
    expect 5 'cannot read "none"'
    : > empty
    run kin demo empty
    expect 1 'there is no text in "empty"'
}

@test "SIGINT and SIGTERM end it, with nothing left behind" {
    for signal in TERM INT; do
        mkfifo ready
        "$KIN" spawn -- env --default-signal=INT sh -c 'echo $$ > ready; exec "$KIN" demo --kills 1000000' > out 3>&- &
        read -r demo < ready
        until [ -n "$(left_behind)" ]; do :; done
        kill -$signal "$demo"
        expect_end $! $((128 + $(kill -l $signal)))
        expect_equal "$(left_behind)" ""
        rm ready
    done
}

@test "what a killed demo left is removed by the next" {
    "$KIN" demo --kills 1000000 > out 3>&- &
    until [ -n "$(left_behind)" ]; do :; done
    kill -9 $!
    wait $! || true
    [ -n "$(left_behind)" ]
    kin demo --kills 0 > /dev/null
    expect_equal "$(left_behind)" ""
}

@test "a progress bar on a terminal only" {
    kin demo --kills 2 2> error > out
    expect_equal "$(cat error)" ""
    command -v script > /dev/null || skip "there is no script(1) here"
    script -qec "'$KIN' demo --kills 5" /dev/null < /dev/null > out
    grep -q "workers killed" out
}

@test "bench prints a table for this machine" {
    run kin bench
    expect 0 "System V msgsnd and msgrcv"
    kin bench -J > out
    expect_equal "$(json '["figures"][0]["ratio"] > 0' < out)" True
    expect_equal "$(left_behind)" ""
}
