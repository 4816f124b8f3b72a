load helper

# Runs flock and kin lock with the same words, and wants the same exit status and the same output of CMD.
alike()
{
    local status_wanted output_wanted got=0
    status_wanted=0
    output_wanted=$(timeout 100 flock "$@" 2> flock.err < /dev/null) || status_wanted=$?
    output=$(timeout 100 "$KIN" lock "$@" 2> kin.err < /dev/null) || got=$?
    if [ $got -ne $status_wanted ] || [ "$output" != "$output_wanted" ]; then
        printf '%s:\nflock: %s "%s"\nkin:   %s "%s"\n' "$*" $status_wanted "$output_wanted" $got "$output" >&2
        cat flock.err kin.err >&2
        return 1
    fi
    # Where one explains, so does the other; who is in the way we always tell.
    [ ! -s flock.err ] || [ -s kin.err ]
}

# Holds a lock of the file by flock itself, until let_go.
hold()
{
    [ -e "$1" ] || touch "$1"
    exec 7< "$1"
    flock "${@:2}" 7
}

let_go()
{
    exec 7>&-
}

@test "flock and kin lock: CMD, its status, the shell's line" {
    alike file echo hello
    alike file sh -c 'exit 42'
    alike file sh -c 'kill -9 $$'
    alike file sh -c 'kill -TERM $$'
    alike file -c 'echo a; exit 7'
    alike file --command 'exit 8'
    alike file -c 'echo $0'
    SHELL='' alike file -c 'echo $0'
    SHELL=/no/shell alike file -c 'echo $0'
    alike file -c
    alike file -c a b
    alike file echo -n -s --nonsense -- -x
    alike -- file echo x
    alike file /no/such/program
    alike file no-such-program
    alike file ./file
    alike file ''
    alike . echo directory
    alike /dev/null echo device
    alike /no/such/file true
    alike '' true
    alike /proc/no-such-file true
    [ -f file ]
}

@test "-- may stand before CMD, which flock cannot run" {
    run kin lock file -- echo hello
    expect 0 hello
    run kin lock -n file -- sh -c 'exit 42'
    expect 42 ""
    run kin lock file -- -c 'echo line'
    expect 0 line
    alike file --
    run kin lock -s file -- "$KIN" lock -n file -- true
    expect 1 '"file" is locked by process'
}

@test "flock and kin lock: options, long, short, cut short, and last" {
    for words in -s -x -e -u -n -o -F --shared --exclusive --unlock --nonblock --nonblocking --nb --close --no-fork \
        --sh --ex --no-f "-w 1" "-w 0" "-w 0.5" "-w1" "--timeout 1" "--timeout=1" "--wait 1" "--time 1" "-E 3" \
        "--conflict-exit-code 0" "--conf=255" "-sn" "-xu" "-n -w 1" "-s -x -u" "-w 0.0000001" "-w 1e2" "-w 0x1"; do
        alike $words file echo "$words"
    done
}

@test "flock and kin lock: bad input" {
    alike
    alike file
    alike -n file
    for words in -Q --nonsense --shared=1 --no --c --timeout -w -E "-w x" "-w 1x" "-E x" "-E 256" "-E -1" "-E 0x10" \
        "-w -1" "-w nan" "-w inf" "-w 1e30" "-o -F" "-c true"; do
        alike $words file true
    done
    alike -w '' file true
    alike -E '' file true
    for number in 99 99x 0x1 2147483648 -1 '' 1.5 99999999999999999999; do
        alike "$number"
        alike -u "$number"
    done
}

@test "flock and kin lock: help and version" {
    run kin lock -h
    expect 0 "Usage: kin lock"
    run kin lock -V
    expect 0 "kin 0."
}

@test "flock and kin lock: who holds it keeps the other out" {
    for kind in -x -s; do
        hold file $kind
        for ask in "-n" "-n -x" "-n -s" "-n -u" "-w 0.01" "-w 0" "-sw 0.01" "-n -E 9" "-w 0.01 -E 9" "-n -E 0" "-nso" \
            "-n -w 100"; do
            alike $ask file echo "$kind $ask"
        done
        let_go
        alike -n file true
    done
    hold . -x
    alike -n . true
    let_go
}

@test "each keeps out the other, and CMD that is run has the lock" {
    run flock file "$KIN" lock -n file true
    expect 1 '"file" is locked by process'
    run kin lock file flock -n file true
    expect 1 ""
    run kin lock -s file flock -n -s file true
    expect 0 ""
    run kin lock -s file flock -n -x file true
    expect 1 ""
    run kin lock -u file flock -n -x file true
    expect 0 ""
}

@test "flock and kin lock: a descriptor of the shell" {
    for tool in flock "$KIN lock"; do
        exec 8<> file
        $tool 8
        run -1 flock -n file true
        $tool -u 8
        flock -n file true
        $tool -s 8
        flock -n -s file true
        run -1 flock -n file true
        hold file -s
        run -1 $tool -n 8
        run -5 $tool -n -E 5 8
        let_go
        exec 8>&-
        flock -n file true
    done
}

@test "flock and kin lock: --close and --no-fork" {
    for words in "" -o -F; do
        for tool in flock "$KIN lock"; do
            $tool $words file sh -c 'ls -l /proc/$$/fd | grep -c /file$; ps -o comm= -p $PPID' \
                > "out$words-${tool##*/}" || :
        done
        expect_equal "$(head -1 "out$words-kin lock")" "$(head -1 "out$words-flock")"
    done
    [ "$(tail -1 "out-F-flock")" = "$(tail -1 "out-F-kin lock")" ]
    expect_equal "$(head -1 "out-o-kin lock") $(head -1 "out-F-kin lock")" "0 1"
}

@test "--verbose tells on standard output" {
    run --separate-stderr kin lock --verbose file echo it
    expect 0 "executing echo"
    [[ $output == *"kin lock: had \"file\" after 0.0"* && $stderr = "" ]]
}

# Begins with what kin spawn makes of it: some who start us (make) leave a signal of libc ignored.
@test "descriptors, signal mask and ignored signals are CMD's as they are ours" {
    cat > look << 'EOF'
exec 6< /dev/null
trap '' HUP USR1
"$@" file sh -c 'ls /proc/self/fd; grep -E "^Sig(Ign|Blk)" /proc/self/status'
EOF
    kin spawn -- sh look flock > out-flock
    kin spawn -- sh look "$KIN" lock > out-kin
    grep -q "^6$" out-flock
    grep -q "^SigIgn:.*201$" out-flock
    expect_equal "$(cat out-kin)" "$(cat out-flock)"
}

# Columns of --who: our options come before the file.
who()
{
    kin lock --who -r --no-headings --output "$@"
}

# Starts kin lock with CMD that says its number and lasts until it is killed. Sets wrapper and cmd.
start_holder()
{
    mkfifo ready life
    "$KIN" lock "$@" bash -c 'exec 4> life; echo $$ > ready; exec sleep infinity' 3>&- &
    wrapper=$!
    exec 5< life
    read -r cmd < ready
}

end_holder()
{
    kill -9 "$cmd" "$wrapper" 2> /dev/null || :
    wait "$wrapper" || :
    cat <&5
    exec 5<&-
    rm ready life
}

@test "a message names the holder; --who shows all of them" {
    start_holder file
    run kin lock -n file true
    expect 1 "\"file\" is locked by process "
    [[ $output == *" and 1 more"* ]]
    run kin lock -s -w 0.01 file true
    expect 1 "is locked by process"
    expect_equal "$(who PID,COMMAND,ALIVE,HOW,KIND file | sort)" \
        "$(printf '%s kin yes exclusive flock\n%s sleep yes exclusive flock\n' $wrapper "$cmd" | sort)"
    kill -9 $wrapper
    wait $wrapper || :
    run kin lock -n file true
    expect 1 "\"file\" is locked by process $cmd (sleep)"
    expect_equal "$(who PID file)" "$cmd"
    kin lock -J --who file | is_json
    kill -9 "$cmd"
    kin lock file true
    expect_equal "$(who PID file)" ""
    end_holder
    run kin lock --who none
    expect 66 'cannot open "none"'
    run kin lock --who
    expect 64 "--who takes one file"
}

@test "by name: made on request, refused without, and CMD's status is ours" {
    run kin lock --name it true
    expect 5 "kin mk lock it"
    run kin lock --name it --create -- sh -c 'echo "$KIN_RECOVERED"; exit 9'
    expect 9 ""
    expect_equal "$output" ""
    run -127 kin lock --name it no-such-command
    run kin lock --name it -c 'exit 6'
    expect 6 ""
    run kin lock --name it -c 'exit 6' true
    expect 64 "nothing behind it"
    run kin lock --name it
    expect 0 ""
    for words in -s -u -o -F; do
        run kin lock --name it $words true
        expect 64 "do not go together"
    done
    run kin lock --who --name it
    expect 64 "kin who NAME"
    kin mk queue other
    run kin lock --name other true
    [ "$status" -ne 0 ]
}

@test "by name: -n and -w tell who holds it" {
    kin mk lock it
    start_holder --name it
    run kin lock --name it -n true
    expect 4 'the lock "it" is locked by process'
    run kin lock --name it -w 0.01 true
    expect 3 'the lock "it" is locked by process'
    run kin lock --name it -n -E 77 true
    expect 77 ""
    run kin lock --name it -n -E 0 echo ran
    expect 0 "is locked"
    [[ $output != *ran* ]]
    expect_equal "$(cells PART,PID who it | grep holds)" "holds $wrapper"
    end_holder
}

@test "by name: CMD is killed, the next one is told at once" {
    kin mk lock it
    start_holder --name it
    kill -9 "$cmd"
    expect_end $wrapper 137
    run kin lock --name it sh -c 'echo "$KIN_RECOVERED"'
    expect 0 "$wrapper:kin"
    run kin lock --name it
    expect 0 ""
    end_holder
}

@test "by name: kin is killed, and CMD goes on holding it" {
    kin mk lock it
    start_holder --name it
    kill -9 $wrapper
    wait $wrapper || :
    run kin lock --name it -n true
    expect 4 "the lock \"it\" is locked by process $cmd (sleep)"
    run kin lock --name it -w 0.01 true
    expect 3 "process $cmd (sleep)"
    "$KIN" lock --name it sh -c 'echo "$KIN_RECOVERED"' > told 3>&- 5<&- &
    next=$!
    expect_equal "$(cat told)" ""
    kill -9 "$cmd"
    expect_end $next 0
    expect_equal "$(cat told)" "$wrapper:kin"
    run kin lock --name it
    expect 0 ""
    end_holder
}

@test "by name: kin is killed: without CMD too it waits, the sweep leaves it, show names CMD" {
    kin mk lock it
    start_holder --name it
    kill -9 $wrapper
    wait $wrapper || :
    run kin lock --name it -n
    expect 4 "the lock \"it\" is locked by process $cmd (sleep)"
    kin clean --yes
    run kin lock --name it -w 0.2
    expect 3 "process $cmd (sleep)"
    expect_equal "$(kin show it -r --no-headings --output PART,PID,ALIVE | grep holds)" \
        "$(printf 'holds %s by\\x20command\nholds %s yes' $wrapper "$cmd")"
    run kin rm it
    expect 1 '"it" is in use'
    "$KIN" lock --name it 3>&- 5<&- &
    next=$!
    kill -9 "$cmd"
    expect_end $next 7
    run kin lock --name it
    expect 0 ""
    kin rm it
    end_holder
}

@test "by name: without CMD a death is told by exit code 7" {
    kin mk lock it
    start_holder --name it
    kill -9 $wrapper "$cmd"
    wait $wrapper || :
    run kin lock --name it
    expect 7 ""
    run kin lock --name it
    expect 0 ""
    end_holder
}

@test "by name: what CMD leaves behind does not hold it" {
    kin mk lock it
    mkfifo life
    kin lock --name it sh -c 'sleep infinity > /dev/null 2>&1 3>&- 4> life & echo $! > pid' 4>&- < /dev/null &
    exec 5< life
    wait $!
    run kin lock --name it -n echo free
    expect 0 free
    kill -9 "$(cat pid)"
    cat <&5
}

@test "by name: signals are passed on to CMD" {
    kin mk lock it
    mkfifo ready
    "$KIN" lock --name it bash -c 'trap "kill \$!; exit 33" TERM; echo > ready; sleep infinity & wait $!' 3>&- &
    read -r < ready
    kill -TERM $!
    expect_end $! 33
    run kin lock --name it
    expect 0 ""
}

@test "by name: one counts at a time" {
    kin mk lock it
    echo 0 > count
    for _ in 1 2 3; do
        for _ in 1 2 3 4 5; do
            kin lock --name it sh -c 'read -r n < count; echo $((n + 1)) > new; mv new count'
        done 3>&- &
    done
    wait
    expect_equal "$(cat count)" 15
}
