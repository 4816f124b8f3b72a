# kin record and kin replay: nothing lost, nothing twice, whoever is killed.
load helper

# A value of the Nth line of a recording.
field()
{
    sed -n "${1}p" "$2" | json "$3"
}

@test "what is recorded comes back, with type, priority and bytes" {
    kin mk queue q
    kin mk queue r
    printf 'line "one"\n' | kin send -t 3 -p 7 q
    printf '\xff\x00\n\xfe' | kin send --whole -t 4 q
    printf '\xff\x00' | kin send --whole q
    printf '\xff' | kin send --whole q
    printf 'a\0b' | kin send --whole q
    : | kin send --whole q
    run kin record -n q f
    expect 0 ""
    expect_equal "$(cells QUEUED ls q)" 0
    expect_equal "$(wc -l < f)" 6
    run kin replay f r
    expect 0 ""
    expect_equal "$(kin recv -J r | python3 -c 'import json, sys; m = json.load(sys.stdin)
print(m["type"], m["priority"], m["data"])')" '3 7 line "one"'
    expect_equal "$(kin recv -t 4 --whole r | od -An -tx1)" " ff 00 0a fe"
    expect_equal "$(kin recv --whole r | od -An -tx1)" " ff 00"
    expect_equal "$(kin recv --whole r | od -An -tx1)" " ff"
    expect_equal "$(kin recv --whole r | od -An -tx1)" " 61 00 62"
    expect_equal "$(kin recv -J r | json '["length"]')" 0
}

@test "kin record follows the queue, and goes on behind what is in the file" {
    kin mk queue q
    seq 2 | kin send q
    kin record -c 2 q f
    "$KIN" record q f 3>&- &
    recorder=$!
    kin send q <<< 3
    until [ "$(wc -l < f)" = 3 ]; do :; done
    run kin record -n q f
    expect 4 'somebody records to "f" already'
    kill $recorder
    expect_end $recorder 143
    expect_equal "$(field 3 f '["data"]')" 3
    run kin record -c 1 -w 0.01 q f
    expect 3 "no further message in time"
    run kin record -w 0.01 q f
    expect 0 ""
}

@test "--tee sends on, with type and priority" {
    kin mk queue q
    kin send -t 5 -p 6 q <<< x
    run kin record -n --create --tee r q f
    expect 0 ""
    expect_equal "$(kin recv -J r | python3 -c 'import json, sys; m = json.load(sys.stdin)
print(m["type"], m["priority"], m["data"])')" "5 6 x"
    kin mk queue --message-max 10 small
    run kin record -n --tee small q f
    expect 1 "kin mk queue --message-max 65536"
}

@test "killed when the message is in the file and not yet done: it is recorded once" {
    kin mk queue q
    kin mk queue --messages 1 full
    kin send full <<< stopper
    kin send -p 1 q <<< first
    kin send q <<< second
    "$KIN" record --tee full q f 3>&- &
    recorder=$!
    until [ -s f ]; do :; done
    kill -9 $recorder
    expect_end $recorder 137
    # What came in between is taken first.
    kin send -p 2 q <<< between
    kin record -w 1 -c 3 q f
    expect_equal "$(for line in 1 2 3; do field $line f '["data"]'; done)" $'first\nbetween\nsecond'
    expect_equal "$(wc -l < f)" 3
}

@test "a cut-off last record is told, not sent, and cut off before recording goes on" {
    kin mk queue q
    seq 3 | kin send q
    kin record -n q f
    truncate -s -4 f
    run kin replay f q
    expect 0 "f:3: the last record is cut off, and was not sent"
    expect_equal "$(kin recv -n q)" $'1\n2'
    kin send q <<< 4
    run kin record -n q f
    expect 0 'the last record of "f" was cut off'
    expect_equal "$(field 3 f '["data"]')" 4
    expect_equal "$(wc -l < f)" 3
}

@test "a full disk: the message is put back, and no half record stays" {
    kin mk queue q
    head -c 3000 /dev/zero | tr '\0' x | kin send --whole q
    echo short | kin send q
    kin record -c 1 q f
    size=$(stat -c %s f)
    head -c 6000 /dev/zero | tr '\0' y | kin send --whole -p 1 q
    run "$KIN" spawn --limit fsize=4096 -- env --ignore-signal=XFSZ "$KIN" record -n q f
    expect 1 'cannot write "f": File too large; the message is put back'
    expect_equal "$(stat -c %s f)" "$size"
    expect_equal "$(cells QUEUED ls q)" 2
    run kin record -n q f
    expect 0 ""
    expect_equal "$(wc -l < f)" 3
}

@test "pauses are kept, scaled by --speed and cut by --gap" {
    kin mk queue q
    printf '{"time":%s,"data":"%s"}\n' 1000.0 a 1000.4 b 900 c 905 d > f
    now() { date +%s%N; }
    begin=$(now)
    kin replay --speed 10 --gap 1 f q
    took=$((($(now) - begin) / 1000000))
    [ $took -ge 140 ] # 0.04 for 0.4, none for the clock that was set back, 0.1 for 5 cut to 1
    expect_equal "$(kin recv -n q)" $'a\nb\nc\nd'
    sed -i 's/905/9000000/' f
    run kin replay --speed 0 f q
    expect 0 ""
    expect_equal "$(cells QUEUED ls q)" 4
}

@test "replay takes lines that others wrote, from standard input too" {
    kin mk queue q
    seq 3 | kin send q
    kin recv -n -J q | sed 's/"data":"2"/"data":"two"/' | kin replay - q
    expect_equal "$(kin recv -n q)" $'1\ntwo\n3'
}

@test "each bad line is named, and nothing behind it is sent" {
    kin mk queue q
    try()
    {
        printf '{"data":"good"}\n%s\n{"data":"never"}\n' "$1" > f
        run kin replay f q
        expect 1 "f:2: $2"
        expect_equal "$(kin recv -n q)" good
    }
    try 'nonsense' "column 8: "
    try '[]' "it is no object"
    try '{"type":1}' 'it needs a text in "data"'
    try '{"data":"a","base64":"YQ=="}' 'it needs a text in "data"'
    try '{"data":1}' 'it needs a text in "data"'
    for coded in YQ= 'Y Q=' 'Y===' '=YQ=' 'YQ==YQ==x'; do
        try "{\"base64\":\"$coded\"}" 'it needs a text in "data"'
    done
    try '{"data":"a","type":0}' '"type" is not a whole number above 0'
    try '{"data":"a","type":1.5}' '"type" is not'
    try '{"data":"a","priority":32768}' '"priority" is not'
    try '{"data":"a","time":"now"}' '"time" is not seconds'
    try '{"data":"a","time":-1}' '"time" is not seconds'
    try '' "column "
}

@test "refusals of record and replay" {
    kin mk queue --message-max 4 --messages 1 q
    run kin record q
    expect 2 "FILE is missing"
    run kin record nothing f
    expect 5 "make it by: kin mk queue nothing"
    [ ! -e f ]
    run kin record q /dev/null
    expect 1 "is no ordinary file"
    run kin record q /nowhere/f
    expect 5 "/nowhere/f"
    run kin replay nothing q
    expect 5 'cannot read "nothing"'
    run kin replay / q
    expect 1 'cannot read "/"'
    for speed in -1 x 1x nan; do
        run kin replay "--speed=$speed" f q
        expect 2 "is not a speed"
    done
    printf '{"data":"12345"}\n' > f
    run kin replay f q
    expect 1 'f:1: the message is longer than queue "q" takes'
    printf '{"data":"1"}\n{"data":"2"}\n' > f
    run kin replay -n f q
    expect 4 'f:2: no room in queue "q"'
    echo nonsense > g
    run kin record -n q g
    expect 1 '"g" ends with a line that is no record'
    expect_equal "$(cat g)" nonsense
}
