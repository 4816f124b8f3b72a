load helper

@test "no command, and one that is none, are usage errors" {
    run kin
    expect 2 "say what to do"
    run kin nonsense
    expect 2 'there is no command "nonsense"'
    run kin mk
    expect 2 "mk what? There are: kin mk queue, kin mk "
    run kin mk nonsense
    expect 2 "mk what?"
}

@test "help and version go to standard output, with 0" {
    for words in help --help -h; do
        run kin $words
        expect 0 "Usage: kin COMMAND"
    done
    for words in version --version -V; do
        run kin $words
        expect 0 "kin 0."
    done
    run kin help mk queue
    expect 0 "Usage: kin mk queue"
    run kin help who
    expect 0 "Usage: kin show"
    run kin help nonsense
    expect 2 "nonsense"
    run kin help send nonsense
    expect 2 "nonsense"
}

@test "each command prints its usage by --help, and on a bad option points to it" {
    for command in "mk queue" "mk lock" "mk domain" rm ls show who clean deaths send recv record replay \
        spawn doctor demo bench help signal wait version; do
        run kin $command --help
        expect 0 "Usage: kin "
        run kin $command --nonsense
        expect 2 "Try: kin help $command"
        run kin $command -Q
        expect 2 "there is no option -Q"
    done
}

@test "operands missing or too many are usage errors" {
    for command in "mk queue" "mk lock" "mk domain" rm show send recv; do
        run kin $command
        expect 2 "is missing"
    done
    run kin spawn
    expect 2 "CMD is missing; it comes behind --"
    run kin spawn --
    expect 2 "CMD is missing; it comes behind --"
    run kin spawn true
    expect 2 "one word too many; CMD comes behind --"
    for words in "mk queue a b" "mk lock a b" "mk domain a b" "show a b" "send a b" "recv a b" "clean a" "deaths a" \
        "doctor a" "bench a" "version a"; do
        run kin $words
        expect 2 "one word too many"
    done
}

@test "options that need an argument, or take none, say so" {
    run kin send -t
    expect 2 "-t needs an argument"
    run kin send --type
    expect 2 "--type needs an argument"
    run kin send --create=yes jobs
    expect 2 "takes no argument"
}

@test "numbers, sizes, durations and modes that are none are named" {
    for words in "send -t x q" "send -t 1x q" "send -p 1.5 q" "recv -c x q" "recv -t 1: q" "demo --workers x" \
        "deaths -a x"; do
        run kin $words
        expect 2 "is not a whole number"
    done
    for words in "send -t 0 q" "send -t -1 q" "send -p 32768 q" "send -p -1 q" "recv -c 0 q" "demo --workers 0" \
        "demo --workers 100000" "demo --seconds 0" "mk queue --messages 0 q" "mk queue --messages 16777217 q"; do
        run kin $words
        expect 2 "out of range"
    done
    for size in 0 x 1Q -1 64KB 99999999999999999999 99999999T ''; do
        run kin mk queue --message-max "$size" q
        expect 2 "is not a size"
    done
    run kin mk queue --message-max 2G q
    expect 2 "the longest that can be is 1G"
    for duration in x -1 5y 0x5 '' s; do
        run kin recv -w "$duration" q
        expect 2 "is not a duration"
    done
    for mode in 8 x 0 777777 -1 '' 0600x; do
        run kin mk queue -m "$mode" q
        expect 2 "is not a mode"
    done
    expect_equal "$(kin ls)" ""
}

@test "options that contradict each other are named" {
    for words in "send -0 --whole q" "send -n -w 1 q" "recv -f -c 1 q" "recv -f -n q" "recv -n -w 1 q" \
        "recv -0 --whole q" "recv -0 -J q" "recv --whole -J q" "ls -J -r" "recv --lease -J q -- true"; do
        run kin $words
        expect 2 "do not go together"
    done
    run kin spawn --detach --timeout 1 -- true
    expect 2 "do not go together"
}

@test "sizes may have letters, durations units" {
    kin mk queue --message-max 1K a
    kin mk queue --message-max 2MiB b
    expect_equal "$(cells MESSAGE-MAX ls --bytes)" "1024
2097152"
    for duration in 0 0.01 10ms 1000us 100ns; do
        run kin recv -w $duration a
        expect 3 "no message"
    done
}

@test "names that cannot be are refused with one sentence" {
    for name in "" . .. a/b "$(printf '%0201d' 0)"; do
        for command in "mk queue" "mk lock" send recv show rm; do
            run kin $command -- "$name" < /dev/null
            [ "$status" -ne 0 ]
            expect_equal "${#lines[@]}" 1
        done
    done
    kin mk queue "$(printf '%0200d' 0)"
    kin mk queue -- -odd
    kin mk queue "with space"
    run kin send "no such" < /dev/null
    expect 5 "kin mk queue 'no such'"
    run kin send -- -none < /dev/null
    expect 5 "kin mk queue -- -none"
}

@test "standard output that cannot be written is a failure" {
    [ -e /dev/full ] || skip "there is no /dev/full here"
    run bash -c '"$KIN" help > /dev/full'
    expect 1 "cannot write to standard output"
}
