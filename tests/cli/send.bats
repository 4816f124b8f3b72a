load helper

@test "each line is a message, the last one without a newline too" {
    kin mk queue q
    printf 'one\n\nthree' | kin send q
    expect_equal "$(kin recv -n q)" "one

three"
}

@test "-0 sends what ends with NUL, and prints so" {
    kin mk queue q
    printf 'a\nb\0c\0' | kin send -0 q
    expect_equal "$(kin recv -n -0 q | od -An -c | tr -s ' ')" ' a \n b \0 c \0'
}

@test "--whole sends all as one, and prints it as it is" {
    kin mk queue --message-max 1M q
    head -c 300000 /dev/urandom > data
    kin send --whole q < data
    kin recv --whole q | cmp - data
    printf 'a\nb\n' | kin send --whole q
    expect_equal "$(kin recv -J q | json '["data"]')" 'a
b'
    kin send --whole q < /dev/null
    expect_equal "$(kin recv -J q | json '["length"]')" 0
    kin mk queue --message-max 100 small
    run kin send --whole small < data
    expect 1 "longer than queue"
    expect_equal "$(cells QUEUED ls small)" 0
}

@test "type and priority go with the message" {
    kin mk queue q
    kin send -t 7 -p 3 q <<< low
    kin send -p 32767 -t 9223372036854775807 q <<< high
    expect_equal "$(kin recv -n -J q | python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    print(message["data"], message["type"], message["priority"], message["attempts"], message["sequence"])')" \
        "high 9223372036854775807 32767 0 2
low 7 3 0 1"
}

@test "a full queue: -n is 4, -w is 3, else it waits" {
    kin mk queue --messages 1 q
    kin send q <<< first
    run kin send -n q <<< second
    expect 4 "no room"
    run kin send -w 0.01 q <<< second
    expect 3 "in time (-w 0.01)"
    "$KIN" send q <<< second 3>&- &
    sender=$!
    until [ "$(cells WAITING ls)" = 1 ]; do :; done
    expect_equal "$(kin recv q)" first
    wait $sender
    expect_equal "$(kin recv q)" second
}

@test "a missing queue is 5 with the line that makes it; --create makes it" {
    run kin send jobs <<< x
    expect 5 "make it by: kin mk queue jobs"
    expect_equal "$(kin ls)" ""
    kin send --create jobs <<< x
    expect_equal "$(kin recv jobs)" x
}

@test "lines are sent as they come, not at the end" {
    kin mk queue q
    mkfifo lines
    "$KIN" send q < lines 3>&- &
    exec 6> lines
    echo one >&6
    expect_equal "$(kin recv q)" one
    echo two >&6
    expect_equal "$(kin recv q)" two
    exec 6>&-
    wait
}

@test "what was sent before a failure stays sent" {
    kin mk queue --message-max 3 q
    run kin send q <<< $'abc\nabcd\nabc'
    expect 1 "message 2 is longer"
    expect_equal "$(cells QUEUED ls)" 1
}

@test "standard input that cannot be read is a failure" {
    kin mk queue q
    run kin send q < /
    expect 1 "cannot read standard input"
    run kin send --whole q < /
    expect 1 "cannot read standard input"
    expect_equal "$(cells QUEUED ls)" 0
}
