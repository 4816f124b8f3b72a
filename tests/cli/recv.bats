load helper

@test "one message, -c N of them, -n all that is there" {
    kin mk queue q
    seq 6 | kin send q
    expect_equal "$(kin recv q)" 1
    expect_equal "$(kin recv -c 2 q)" $'2\n3'
    expect_equal "$(kin recv -n -c 1 q)" 4
    expect_equal "$(kin recv -n q)" $'5\n6'
    run kin recv -n q
    expect 4 'no message in queue "q"'
    run kin recv -w 0 q
    expect 3 "in time (-w 0)"
    kin send q <<< 7
    run kin recv -c 2 -w 0.01 q
    expect 3 "7"
}

@test "-f goes on for ever" {
    kin mk queue q
    mkfifo out
    "$KIN" recv -f q > out 3>&- &
    exec 6< out
    for number in 1 2 3; do
        kin send q <<< $number
        read -r line <&6
        expect_equal "$line" $number
    done
    exec 6<&-
}

@test "-w waits, and takes what comes in time" {
    kin mk queue q
    "$KIN" recv -w 100 q > out 3>&- &
    until [ "$(cells WAITING ls)" = 1 ]; do :; done
    kin send q <<< late
    wait $!
    expect_equal "$(cat out)" late
}

@test "-t chooses as msgrcv does, --except the others" {
    kin mk queue q
    for type in 3 1 2; do
        kin send -t $type q <<< "type $type"
    done
    run kin recv -n -t 9 q
    expect 4 ""
    expect_equal "$(kin recv -n -t -2 q)" $'type 1\ntype 2'
    kin send -t 4 q <<< "type 4"
    expect_equal "$(kin recv -t 3 --except q)" "type 4"
    expect_equal "$(kin recv -t 3 q)" "type 3"
    run kin recv --except q
    expect 2 "--except needs a --type"
}

@test "-J prints JSON Lines, whatever the bytes" {
    kin mk queue q
    printf 'quote " back \\ tab \t bell \a del \177 é €\0' | kin send -0 q
    printf '\xff\xc0\xaf\x00' | kin send --whole q
    printf '\xed\xa0\x80' | kin send --whole q
    : | kin send --whole q
    kin recv -n -J q > lines
    expect_equal "$(wc -l < lines)" 4
    python3 - << 'END'
import base64, json
lines = [json.loads(line) for line in open("lines", encoding="utf-8")]
assert lines[0]["data"] == 'quote " back \\ tab \t bell \a del \177 é €', lines[0]
assert base64.b64decode(lines[1]["base64"]) == b"\xff\xc0\xaf\0", lines[1]
assert base64.b64decode(lines[2]["base64"]) == b"\xed\xa0\x80", lines[2]
assert lines[3]["data"] == "" and lines[3]["length"] == 0, lines[3]
END
}

@test "what cannot be printed stays in the queue" {
    [ -e /dev/full ] || skip "there is no /dev/full here"
    kin mk queue q
    kin send q <<< precious
    run bash -c '"$KIN" recv q > /dev/full'
    expect 1 "the message is put back"
    expect_equal "$(kin recv -J q | json '["attempts"]')" 1
}

@test "a reader that went away loses nothing" {
    kin mk queue --message-max 1M q
    head -c 1000000 /dev/zero | kin send --whole q
    mkfifo out
    "$KIN" recv q > out 3>&- & # more than a pipe holds: it waits for its reader
    head -c 1 out > /dev/null
    expect_end $! 141
    expect_equal "$(kin recv -w 100 -J q | json '["attempts"]')" 1
}

@test "a missing queue is 5; --create makes it" {
    run kin recv jobs
    expect 5 "make it by: kin mk queue jobs"
    run kin recv --create -n jobs
    expect 4 ""
}

@test "kin recv ended by a signal is 128+N" {
    kin mk queue q
    for signal in TERM INT HUP; do
        # A shell starts what runs in the background with SIGINT ignored.
        "$KIN" spawn -- env --default-signal=INT "$KIN" recv q 3>&- &
        until [ "$(cells WAITING ls)" = 1 ]; do :; done
        kill -$signal "$(cells PID,ALIVE who q | awk '$2 == "yes" { print $1 }')"
        expect_end $! $((128 + $(kill -l $signal)))
    done
}
