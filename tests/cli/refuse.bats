# Exit codes for what is not ours, not readable, or made by others.
load helper

# Another user, where we may be one.
as_other()
{
    [ "$(id -u)" -eq 0 ] || skip "only root may be somebody else"
    setpriv --reuid 65534 --regid 65534 --clear-groups true 2> /dev/null || skip "setpriv does not work here"
    setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$KIN" || skip "others cannot execute $KIN"
    setpriv --reuid 65534 --regid 65534 --clear-groups timeout 100 "$KIN" "$@"
}

@test "no permission is 6" {
    kin mk queue q
    run as_other ls
    [ "$status" -eq 0 ] && skip "$output"
    expect 6 "kin ls: "
    chmod 01777 "$KIN_DOMAIN"
    chmod a+rw "$KIN_DOMAIN"/*
    chmod 0600 "$KIN_DOMAIN"/q.kin
    run as_other send q <<< x
    expect 6 "kin send: "
    run as_other ls
    expect 0 "Permission denied"
}

@test "another version's objects are 8" {
    kin mk queue q
    printf '\x63' | dd of="$KIN_DOMAIN/q.kin" bs=1 seek=8 conv=notrunc status=none
    for command in "send q" "recv -n q" "show q"; do
        run kin $command < /dev/null
        expect 8 "version"
    done
    [[ $(kin ls --no-headings) == *"version"* ]]
    kin rm q
}

@test "another version's domain is 8" {
    kin mk queue q
    file=$(find "$KIN_DOMAIN" -type f ! -name q.kin)
    printf '\x63' | dd of="$file" bs=1 seek=8 conv=notrunc status=none
    for command in ls "send q" "mk queue r" clean deaths; do
        run kin $command < /dev/null
        expect 8 "version"
    done
}

@test "what is no object of kin is a sentence, not a crash" {
    kin mk queue q
    for content in "" x "$(head -c 10000 /dev/zero | tr '\0' x)"; do
        printf '%s' "$content" > "$KIN_DOMAIN/q.kin"
        for command in "send q" "recv -n q" "show q" "ls"; do
            run kin $command < /dev/null
            [ "$status" -lt 100 ]
            [ -n "$output" ]
        done
    done
}

@test "RemoveIPC: doctor says what it means, the first mk says so once" {
    [ "$(id -u)" -eq 0 ] || skip "only root can make the files of logind"
    unshare -m true 2> /dev/null || skip "no mount namespace to be had here"
    setpriv --reuid 12345 --regid 12345 --clear-groups test -x "$KIN" 2> /dev/null || skip "others cannot execute $KIN"
    cat > inside.sh << 'END'
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/users /run/systemd/logind.conf.d
touch /run/systemd/users/12345
as_user() { setpriv --reuid 12345 --regid 12345 --clear-groups env -u KIN_DOMAIN timeout 100 "$KIN" "$@"; }
as_user mk queue one
as_user mk queue two
as_user doctor
as_user rm one two
rm -r /dev/shm/kin-12345
printf '[Login]\nRemoveIPC=no\n' > /run/systemd/logind.conf.d/50-kin.conf
as_user mk queue one
as_user doctor
as_user rm one
rm -r /dev/shm/kin-12345
END
    run unshare -m bash inside.sh
    rm -rf /dev/shm/kin-12345
    expect 0 "what you make is deleted when your last session ends"
    expect 0 "no (/run/systemd/logind.conf.d/50-kin.conf): objects outlive your sessions"
    expect_equal "$(grep -c 'note: what you make here' <<< "$output")" 1
}
