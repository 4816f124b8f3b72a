load helper

# Until the condition holds; a hang detector.
until_true()
{
    SECONDS=0
    until "$@"; do
        [ $SECONDS -lt ${HANG:-100} ] || { echo "never: $*" >&2; cat out err 2>/dev/null >&2; return 1; }
        sleep 0.02
    done
}

# The state of an instance, as kin ps tells it.
state()
{
    cells NAME,STATE ps 2>/dev/null | awk -v name="$1" '$1 == name { print $2 }'
}

is()
{
    [ "$(state "$1")" = "$2" ]
}

pid_of()
{
    cells NAME,PID ps | awk -v name="$1" '$1 == name { print $2 }'
}

gone()
{
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# kin run in the background, as $runner.
start()
{
    "$KIN" run "$@" > out 2> err < /dev/null 3>&- &
    runner=$!
}

finish()
{
    status=0
    wait $runner || status=$?
}

stop()
{
    kill -TERM $runner
    wait $runner
}

@test "run -- CMD: its status, its signal, and why it could not be started" {
    run kin run -- sh -c 'exit 42'
    expect 42 ""
    run kin run -- sh -c 'kill -9 $$'
    expect 137 ""
    run kin run -- /no/such/program
    expect 127 "not"
    run kin run -- .
    expect 126 ""
}

@test "run -- CMD: signals are passed on" {
    start -- sh -c 'trap "echo got; exit 3" TERM; echo up; while :; do sleep 0.01; done'
    until_true grep -q up out
    kill -TERM $runner
    finish
    [ "$status" -eq 3 ]
    grep -q got out
}

@test "run -- CMD: what CMD leaves behind is ended, wherever it went" {
    cat > leave <<'END'
setsid sh -c 'trap : TERM; echo $$ > left; while :; do sleep 0.01; done' < /dev/null > /dev/null 2>&1 &
while ! [ -s left ]; do sleep 0.01; done
END
    run kin run -k 100ms -- sh leave
    expect 0 ""
    gone "$(cat left)"
}

@test "run -- CMD: all below goes when kin is killed" {
    start -- sh -c '(setsid sleep 1000 & echo $! > left; wait) & echo $$ > top; wait'
    until_true test -s left
    until_true test -s top
    kill -9 $runner
    wait $runner || true
    until_true gone "$(cat left)"
    until_true gone "$(cat top)"
}

@test "run -- CMD as process 1: orphans are reaped, and it exits with CMD's status" {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "no new PID namespace here"
    run unshare --pid --fork --mount-proc timeout 100 "$KIN" run -- sh -c \
        '(setsid true &); (setsid true &); sleep 0.1; ps -e -o stat= | grep -c Z; exit 5'
    expect 5 0
}

@test "a Procfile: lines by name, variables of .env, a port each" {
    printf '# two\nweb: echo "port $PORT $COLOR"\n\nworker: echo working\n' > Procfile
    printf '# says\nexport COLOR="dark blue"\n' > .env
    sed -i 's/echo "port/exec echo "port/' Procfile
    start
    until_true grep -q 'worker | working' out
    until_true grep -q 'web    | port 5000 dark blue' out
    finish
    [ "$status" -eq 1 ]
    grep -q 'gives up' err
}

@test "kin.ini: started in order, shown, asked, stopped" {
    cat > kin.ini <<END
[supervisor]
name = site
intensity = unlimited

[web]
command = exec sleep 1000
after = db
workers = 2
restart = never
environment = A=1
environment = B=2

[db]
command = trap 'exit 0' TERM; echo >&3;
    while :; do sleep 0.01; done
ready = fd
ready_fd = 3
END
    start
    until_true is site/web.2 ready
    until_true is site/db ready
    is site alive
    grep -zq A=1 "/proc/$(pid_of site/web.1)/environ"
    first=$(pid_of site/web.1)
    kin ctl restart web.1
    until_true is site/web.1 ready
    until_true gone "$first"
    kin ctl signal web.2 --signal KILL
    until_true is site/web.2 failed
    run cells NAME,LAST ps site
    expect 0 'site/web.2 killed\x20by\x20SIGKILL'
    run kin ctl stop nobody
    expect 5 nobody
    run kin ctl frob web
    expect 1 frob
    stop
    is site dead
    is site/db off
}

@test "bad files are told by file, line and remedy" {
    check() {
        printf '%b' "$1" > kin.ini
        run kin run
        expect 2 "$2"
    }
    check '[web]\ncommand = x\ncomand = y\n' 'kin.ini:3: "comand" is no key of a program; these are: after'
    check '[web]\n' 'kin.ini:'
    check 'command = x\n' 'kin.ini:1: "command" stands before the first section'
    check '[web]\ncommand = x\n[web.1]\ncommand = x\n' 'kin.ini:4: "web.1" cannot be the name'
    check '[web]\ncommand = x\nrestart = often\n' 'kin.ini:3: "often" is none of: always, on-failure, never'
    check '[web]\ncommand = x\nafter = db\n' 'kin.ini:2: "web" comes after "db", and there is no program'
    check '[web]\ncommand = x\nworkers = 2-9\n' 'queue = NAME'
    check '[web]\ncommand = x\nworkers = 0\n' 'kin.ini:3: "0" is no number from 1 to 4096'
    check '[web]\ncommand = x\ngrace = soon\n' 'kin.ini:3: "soon" is no duration'
    check '[web]\ncommand = x\nuser = nobody-at-all\n' 'kin.ini:3: there is no user "nobody-at-all"'
    check '[web]\ncommand = x\nlimit = nofile\n' 'kin.ini:3: "nofile" is no limit'
    check '[web]\nafter = db\n[db]\ncommand = x\n' 'kin.ini:2: program "web" has no command'
    check '[web]\nnonsense\ncommand = x\n' 'kin.ini:2: neither a section'
    check '[supervisor]\nstrategy = none\n[web]\ncommand = x\n' 'kin.ini:2: "none" is none of: one-for-one'
    check '' 'there is no program in it'
    check "[web]\ncommand = $(head -c 1000 /dev/zero | tr '\0' x)\n" 'kin.ini:2: the line is longer than'
    check '[a]\ncommand = x\nready = fd\n' 'add its number, ready_fd'
    rm kin.ini
    printf 'web\n' > Procfile
    run kin run
    expect 2 'Procfile:1: "web" is no line of a Procfile'
    printf 'web: a\nweb: b\n' > Procfile
    run kin run
    expect 2 'Procfile:2: there is a program "web" already, in line 1'
    rm Procfile
    run kin run
    expect 5 'neither kin.ini nor Procfile'
    run kin run -f nothing.ini
    expect 5 'cannot open nothing.ini'
}

@test "a ring in after= is refused by name" {
    printf '[a]\ncommand = x\nafter = b\n[b]\ncommand = x\nafter = a\n' > kin.ini
    run kin run
    expect 1 'ring'
}

@test "only the named programs run, and what they come after" {
    printf '[supervisor]\nname = site\n' > kin.ini
    printf '[%s]\ncommand = exec sleep 1000\nafter = %s\n' a b >> kin.ini
    printf '[%s]\ncommand = exec sleep 1000\n' b c >> kin.ini
    start a
    until_true is site/a ready
    is site/b ready
    is site/c off
    stop
    run kin run d
    expect 5 'no program "d"'
}

@test "the supervisor is killed: all goes with it, and the next one starts anew" {
    printf '[supervisor]\nname = site\n[a]\ncommand = (setsid sleep 1000 & echo $! > left); exec sleep 1000\n' > kin.ini
    start
    until_true is site/a ready
    until_true test -s left
    first=$(pid_of site/a)
    kill -9 "$(cells NAME,PID ps | awk '$1 == "site" { print $2 }')"
    wait $runner || true
    until_true gone "$first"
    until_true gone "$(cat left)"
    start
    until_true is site/a ready
    [ "$(pid_of site/a)" != "$first" ]
    stop
}

@test "on_supervisor_death = adopt: the next one takes over what lives, its socket too" {
    cat > kin.ini <<END
[supervisor]
name = site
on_supervisor_death = adopt
[a]
command = exec sleep 1000
listen = 127.0.0.1:0
END
    start
    until_true is site/a ready
    first=$(pid_of site/a)
    socket=$(readlink "/proc/$first/fd/3")
    kill -9 $runner
    wait $runner || true
    ! gone "$first"
    is site dead
    start
    until_true is site alive
    until_true is site/a ready
    [ "$(pid_of site/a)" = "$first" ]
    if [ "$(readlink "/proc/$runner/fd/"* | grep -cxF "$socket")" != 1 ]; then
        ls -l "/proc/$runner/fd" >&2
        return 1
    fi
    stop
    until_true gone "$first"
}

@test "logs: the last lines, of one instance, followed over a rotation" {
    cat > kin.ini <<END
[supervisor]
name = site
[a]
command = for i in 1 2 3 4 5; do echo line \$i; done; while ! [ -e go ]; do sleep 0.01; done;
    echo more; exec sleep 1000
workers = 2
log = log
log_bytes = 200
END
    run kin logs a
    expect 5 'cannot open log'
    start
    until_true eval '[ "$(grep -c "line 5" log)" = 2 ]'
    run kin logs a.2
    expect_equal "$output" "$(printf 'a.2 | line %s\n' 1 2 3 4 5)"
    run kin logs -n 2 a.1
    expect_equal "$output" "$(printf 'a.1 | line %s\n' 4 5)"
    timeout 100 "$KIN" logs -f -n 0 a > followed 3>&- &
    follower=$!
    until_true eval 'grep -q log <<< "$(readlink /proc/$(pgrep -P $follower | head -1)/fd/* 2>/dev/null)"'
    touch go
    until_true eval '[ "$(grep -c more followed)" = 2 ]'
    kill $follower
    wait $follower || true
    run kin logs b
    expect 5 'no program "b"'
    stop
}

@test "a command that does not exist, and one that ignores TERM" {
    printf '[supervisor]\nname = site\nintensity = 2\n[a]\ncommand = exec /no/such/program\npause = 1ms\n' > kin.ini
    run kin run
    expect 1 'gives up'
    printf '[supervisor]\nname = site\n[a]\ngrace = 50ms\n' > kin.ini
    echo 'command = trap "" TERM; echo up; while :; do sleep 0.01; done' >> kin.ini
    start
    until_true grep -q up out
    stop
    grep -q 'SIGKILL' err
}

@test "a pool: a dead worker's message goes back, and the number follows the queue" {
    cat > kin.ini <<END
[supervisor]
name = site
intensity = unlimited
[w]
pause = 1ms
workers = 1-3
queue = jobs
command = exec $KIN recv jobs --lease --
    sh -c 'cat >> done; while ! [ -e go ]; do sleep 0.01; done'
END
    kin mk queue jobs
    start
    until_true is site/w.1 ready
    is site/w.3 off
    printf '1\n2\n3\n4\n5\n' | kin send jobs
    until_true is site/w.3 ready
    kill -9 "$(pid_of site/w.1)"
    touch go
    until_true eval '[ "$(sort -u done | tr -d "\n" | fold -w1 | sort -u | wc -l)" = 5 ]'
    stop
}
