load helper

@test "each command reads the one before" {
    expect_equal "$(echo 'pear apple pear' | kin pipe tr ' ' '\n' -- sort -u -- wc -l)" 2
    expect_equal "$(kin pipe echo alone)" alone
    expect_equal "$(kin pipe -- echo -n --help -- cat)" "--help"
}

@test "its status is that of the last that failed, or with --last of the last" {
    run kin pipe sh -c 'exit 3' -- sh -c 'cat; exit 5' -- cat
    expect 5 ""
    run kin pipe --last sh -c 'exit 3' -- sh -c 'cat; exit 5' -- cat
    expect 0 ""
    run kin pipe --last true -- false
    expect 1 ""
    run kin pipe sh -c 'kill -SEGV $$' -- cat
    expect 139 ""
    run kin pipe true -- true -- true
    expect 0 ""
    expect_equal "$output" ""
    run kin pipe yes -- head -n 1
    expect 141 y
}

@test "-s gives another word between the commands" {
    expect_equal "$(kin pipe -s '|' printf '%s\n' b -- a '|' sort '|' tr '\n' ' ')" "-- a b "
    run kin pipe -s then echo a -- then cat
    expect 0 "a --"
}

@test "words of a command are not our options" {
    expect_equal "$(printf 'b\na\nb\n' | kin pipe sort -u -r -- cat -A)" $'b$\na$'
    run kin pipe ls --no-such-option-of-ls -- cat
    expect 2 "no-such-option-of-ls"
}

@test "a command without words is a usage error" {
    for words in "-- -- a" "a --" "a -- -- b" "--"; do
        # shellcheck disable=SC2086 # words
        run kin pipe $words
        expect 2 "Try: kin help pipe"
    done
    run kin pipe a -- -- b
    expect 2 "command 2 has no words"
    run kin pipe
    expect 2 "CMD is missing"
    run kin pipe -o NONE true
    expect 2 'there is no column "NONE"'
}

@test "one that cannot begin ends all" {
    run -127 kin pipe sleep infinity -- no-such-command -- cat
    expect 127 "no-such-command"
    touch plain
    run kin pipe cat -- ./plain
    expect 126 "plain"
}

@test "the table says how each ended, on standard error or in a file" {
    run --separate-stderr kin pipe -r --no-headings -o NUMBER,STATUS,HOW,COMMAND sh -c 'exit 3' -- cat
    expect_equal "$stderr" '1 3 exited\x20with\x203 sh\x20-c\x20exit\x203
2 0 exited\x20with\x200 cat'
    expect_equal "$output" ""
    run kin pipe --status statuses -J sh -c 'echo out; kill -9 $$' -- cat
    expect 137 out
    expect_equal "$output" out
    expect_equal "$(json '["commands"][0]["status"]' < statuses)" 137
    expect_equal "$(json '["commands"][1]["command"]' < statuses)" cat
    run kin pipe -t true
    expect 0 "exited with 0"
    run kin pipe --status none/x true
    expect 5 'cannot open "none/x"'
    run kin pipe -J -r true
    expect 2 "do not go together"
}

@test "signals are passed on to all" {
    mkfifo ready
    exec 6<> ready
    "$KIN" pipe bash -c 'trap "kill \$!; exit 33" TERM; echo > ready; sleep infinity & wait $!' -- \
        bash -c 'trap "exit 34" TERM; echo > ready; cat' 3>&- &
    kin=$!
    read -r <&6
    read -r <&6
    kill -TERM $kin
    expect_end $kin 34
}

@test "SIGKILL of kin ends all commands" {
    mkfifo ready life
    exec 6<> ready
    "$KIN" pipe bash -c 'exec 4> life; echo > ready; exec sleep infinity' -- \
        bash -c 'exec 4> life; echo > ready; exec sleep infinity' 3>&- &
    kin=$!
    exec 5< life
    read -r <&6
    read -r <&6
    kill -KILL $kin
    cat <&5
    exec 5<&-
    expect_end $kin 137
}

@test "kin keeps neither end: who reads behind it sees the end, who writes before it loses its reader" {
    mkfifo ready in out
    exec 6<> ready
    "$KIN" pipe bash -c 'exec > /dev/null; read -r < ready' -- echo through > out 3>&- &
    kin=$!
    expect_equal "$(cat out)" through
    echo >&6
    expect_end $kin 0
    "$KIN" pipe head -n 1 -- bash -c 'cat; read -r < ready' < in > out2 3>&- &
    kin=$!
    (trap '' PIPE; yes > in 2> error) || true
    grep -q "Broken pipe" error
    echo >&6
    expect_end $kin 0
    expect_equal "$(cat out2)" y
}

@test "kin mk fifo makes one with the very mode" {
    umask 077
    kin mk fifo plain
    kin mk fifo -m 0622 other
    expect_equal "$(stat -c '%F %a' plain other)" $'fifo 600\nfifo 622'
    run kin mk fifo other
    expect 1 "is a FIFO"
    run kin mk fifo none/x
    expect 5 "none/x"
    run kin mk fifo -m 9 x
    expect 2 "octal"
    run kin mk fifo
    expect 2 "PATH is missing"
    printf 'through\n' > other &
    expect_equal "$(cat other)" through
}
