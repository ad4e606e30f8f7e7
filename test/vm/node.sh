# Sourced by what runs inside the VM, whose end is the end of all it started: a folder, one daemon, and questions to it.
# Here a program takes a tenth of a second to start, and all share one processor: whoever waits starts none.
w=$(mktemp -d)
mkfifo "$w/silence"
exec {silence}<>"$w/silence"
pause() { read -rt "$1" -u $silence || true; } # SECONDS

# Asks the daemon whatever is asked here: reads a path a line, and gives the answer as one, empty while nobody answers.
coproc ask_all {
  exec perl -MSocket -ne '
    BEGIN { $| = 1 }
    chomp;
    my $body = "";
    socket my $daemon, AF_UNIX, SOCK_STREAM, 0;
    if (connect $daemon, sockaddr_un "'"$w"'/control") {
      syswrite $daemon, "GET /$_ HTTP/1.0\r\n\r\n";
      local $/;
      ($body = <$daemon> // "") =~ s/.*?\r\n\r\n//s;
      $body =~ tr/\n//d;
    }
    print "$body\n"'
}
exec {questions}>&"${ask_all[1]}" {answers}<&"${ask_all[0]}" # subshells have these, and not those

# start FILE: runs waypost, and waits until it can be asked.
start() {
  rm -f "$w/control"
  node bin/waypost run -c "$1" --control "$w/control" --http off >>"$w/run.log" 2>&1 &
  daemon=$!
  until [ -S "$w/control" ] || ! kill -0 $daemon 2>/dev/null; do pause 0.2; done
}

# ask PATH: prints the answer.
ask() {
  local said
  echo "$1" >&$questions
  read -r said <&$answers
  echo "$said"
}

# await COMMAND: until it is true; what the daemon logged is told when it never is.
await() {
  local end=$((SECONDS + 150))
  while [ $SECONDS -lt $end ]; do
    eval "$1" && return
    pause 0.3
  done
  echo "in vain: $1 ${path-} ${pattern-}" >&2
  cat "$w/run.log" >&2
  exit 1
}

# until_says PATH PATTERN
until_says() {
  local path=$1 pattern=$2
  await '[[ $(ask "$path") =~ $pattern ]]'
}
