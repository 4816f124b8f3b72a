load helper

# A process that says its number and start on the way, and waits for what comes.
sleeper()
{
    sleep infinity 3>&- &
    pid=$!
    read -r -a fields < <(sed 's/.*) //' "/proc/$pid/stat")
    start=${fields[19]}
}

# Returns when that kin wait has got hold of its process.
holds()
{
    until ls -l "/proc/$1/fd" | grep -q pidfd; do :; done
}

# How a process ended that its parent (this shell) has reaped at once.
need_kept_status()
{
    [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -1)" = 6.15 ] ||
        skip "before Linux 6.15 the kernel keeps no status of who was reaped"
}

@test "kin signal sends TERM, or what -s names" {
    for name in TERM SIGUSR1 10 RTMIN+3 kill; do
        sleeper
        run kin signal -s "$name" "$pid:$start"
        expect 0 ""
        [ -z "$output" ]
        expect_end "$pid" $((128 + $("$KIN" signal -l -r --no-headings -o NUMBER,NAME |
            awk -v "name=${name^^}" '{ sub("SIG", "", name); if ($2 == "SIG" name || $1 == name) print $1 }')))
    done
    sleeper
    run kin signal "$pid"
    expect 0 ""
    expect_end "$pid" 143
}

@test "kin signal -s 0 only asks" {
    sleeper
    run kin signal -s 0 "$pid"
    expect 0 ""
    kill -9 "$pid"
    expect_end "$pid" 137
    run kin signal -s 0 "$pid"
    expect 5 "there is no process $pid"
}

@test "a number that is another process's is refused" {
    sleeper
    run kin signal -s KILL "$pid:$((start - 1))"
    expect 5 "has ended: the number is that of one that started at $start"
    kill -0 "$pid"
    kill -9 "$pid"
}

@test "who can get the signal gets it, whoever cannot" {
    sleeper
    run kin signal "$pid:1" "$pid:$start"
    expect 5 "has ended"
    expect_end "$pid" 143
}

@test "kin signal -q sends values, in order, until the queue is full" {
    python3 - > got 3>&- <<'END' &
import os, resource, signal
resource.setrlimit(resource.RLIMIT_SIGPENDING, (20, 20))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN, signal.SIGUSR1])
open("ready", "w").close()
print(signal.sigwaitinfo([signal.SIGUSR1]).si_signo, flush=True)
got = 0
while signal.sigtimedwait([signal.SIGRTMIN], 0):
    got += 1
print(got)
END
    reader=$!
    until [ -e ready ]; do :; done
    sent=0 code=0
    while [ $code -eq 0 ]; do
        kin signal -s RTMIN -q "$sent" "$reader" 2> told || code=$?
        [ $code -ne 0 ] || sent=$((sent + 1))
        [ "$sent" -le 20 ]
    done
    expect_equal $code 4
    grep RLIMIT_SIGPENDING told
    kin signal -s USR1 "$reader"
    expect_end "$reader" 0
    expect_equal "$(cat got)" "10"$'\n'"$sent"
}

@test "kin signal -l lists names, numbers and what they do" {
    expect_equal "$(kin signal -l -r --no-headings | awk '$1 == 15 || $1 == 17 || $1 == 34 { print $1, $2, $3 }')" \
        $'15 SIGTERM end\n17 SIGCHLD ignore\n34 SIGRTMIN end'
    kin signal -l -J | is_json
    expect_equal "$(kin signal -l -J | json '["signals"][10]["name"]')" SIGSEGV
    run kin signal -l 1
    expect 2 "--list takes no PID"
}

@test "bad words for processes and signals are named" {
    for words in "x" "0" "-s TERM 12x" "1:" "1:x" "1:0" ":5" "1:2:3" "99999999999"; do
        run kin signal $words
        expect 2 "is no process"
        run kin wait ${words#-s TERM}
        expect 2 "is no process"
    done
    run kin signal -- -5
    expect 2 "is no process"
    run kin signal -s NONSENSE 1
    expect 2 'there is no signal "NONSENSE"'
    run kin signal -s 65 1
    expect 2 'there is no signal "65"'
    run kin signal -q x 1
    expect 2 "is not a whole number"
    run kin signal -q 3000000000 1
    expect 2 "out of range"
    run kin signal
    expect 2 "PID is missing"
    run kin wait
    expect 2 "is missing"
    run kin wait -n -w 1 1
    expect 2 "do not go together"
}

@test "kin wait waits for a process that is no child of its own" {
    need_kept_status
    sleeper
    run kin wait -n "$pid"
    expect 4 "1 of 1 processes have not ended"
    run kin wait -w 0.01 "$pid:$start"
    expect 3 "in time (-w 0.01)"
    "$KIN" wait "$pid:$start" > out 2>&1 3>&- &
    waiter=$!
    "$KIN" wait -J "$pid" > json 3>&- &
    teller=$!
    holds $waiter
    holds $teller
    kill -USR1 "$pid"
    expect_end "$waiter" 0
    expect_end "$teller" 0
    [ ! -s out ]
    expect_equal "$(cat json)" "{\"pid\":$pid,\"start\":$start,\"end\":\"killed\",\"signal\":10}"
}

@test "kin wait waits for all, or for any" {
    sleeper; first=$pid:$start
    sleeper; second=$pid:$start
    kill "${first%:*}"
    run kin wait --any -J "$first" "$second"
    expect 0 "\"pid\":${first%:*},"
    expect_equal "${#lines[@]}" 1
    run kin wait -w 0.01 "$first" "$second"
    expect 3 "1 of 2 processes have not ended"
    kill "${second%:*}"
    run kin wait -J "$first" "$second"
    expect 0 "\"pid\":${second%:*},"
    expect_equal "${#lines[@]}" 2
}

@test "kin wait: what is no more has ended, if its start says so; a bare number is not found" {
    sleeper
    kill -9 "$pid"
    expect_end "$pid" 137
    run kin wait "$pid:$start"
    expect 0 ""
    run kin wait -J "$pid:$start"
    expect 0 "{\"pid\":$pid,\"start\":$start,\"end\":\"unknown\"}"
    run kin wait "$pid"
    expect 5 "there is no process $pid"
}

@test "kin wait tells an exit status" {
    need_kept_status
    mkfifo go
    sh -c 'read line < go; exit 9' 3>&- &
    pid=$!
    "$KIN" wait -J "$pid" > json 3>&- &
    teller=$!
    holds $teller
    echo > go
    expect_end "$teller" 0
    expect_equal "$(json '["status"]' < json)" 9
    expect_end "$pid" 9
}
